// BullMQ as its users have it: queues with workers, which know nothing but REDIS_URL.
//
//   node bullmq_app.js work QUEUE...              workers of these queues, until SIGTERM
//   node bullmq_app.js add KIND QUEUE PREFIX N    N jobs PREFIX-0, PREFIX-1 ... of a kind (see `kinds`)
//   node bullmq_app.js feed QUEUE PREFIX BACKLOG  jobs without end, until SIGTERM, while not more than BACKLOG wait
"use strict";

const fs = require("fs");
const { FlowProducer, Queue, QueueEvents, Worker } = require("bullmq");
const Redis = require("ioredis");

const connect = () => new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const log = (what, job) => fs.appendFileSync(process.env.JOBS_LOG, `${what} ${job}\n`);
const names = (prefix, count) => Array.from({ length: count }, (_, number) => `${prefix}-${number}`);

const kinds = {
  plain: (queue, all) => queue.addBulk(all.map((name) => ({ name, data: {} }))),
  delayed: (queue, all) => Promise.all(all.map((name) => queue.add(name, {}, { delay: 300 }))),
  priority: (queue, all) => Promise.all(all.map((name, number) => queue.add(name, {}, { priority: all.length - number }))),
  failing: (queue, all) =>
    Promise.all(all.map((name) => queue.add(name, { fails: 2 }, { attempts: 3, backoff: { type: "fixed", delay: 50 } }))),
  slow: (queue, all) => queue.addBulk(all.map((name) => ({ name, data: { milliseconds: 100 }, opts: { attempts: 10 } }))),
  repeated: (queue, all) =>
    Promise.all(all.map((name) => queue.upsertJobScheduler(`every-${name}`, { every: 200, limit: 3 }, { name }))),
  // The parent is done when its children are.
  flow: async (queue, all) => {
    const flows = new FlowProducer({ connection: connect() });
    for (const name of all) {
      const children = [1, 2, 3].map((number) => ({ name: `${name}/${number}`, queueName: queue.name }));
      await flows.add({ name, queueName: queue.name, children });
    }
    await flows.close();
  },
  // Of events, by a stream that is read as it grows.
  events: async (queue, all) => {
    const events = new QueueEvents(queue.name, { connection: connect() });
    await events.waitUntilReady();
    const jobs = await queue.addBulk(all.map((name) => ({ name, data: {} })));
    for (const job of jobs) log("returned", `${job.name}=${await job.waitUntilFinished(events, 20000)}`);
    await events.close();
  },
};

async function carryOut(job) {
  if (job.data.milliseconds) await new Promise((done) => setTimeout(done, job.data.milliseconds));
  if (job.attemptsMade < (job.data.fails || 0)) throw new Error("not yet");
  log("done", job.name);
  return "fine";
}

async function work(queues) {
  const workers = queues.map((name) => {
    const limiter = name.includes("limited") ? { max: 5, duration: 250 } : undefined;
    const worker = new Worker(name, carryOut, { connection: connect(), concurrency: 3, limiter, stalledInterval: 2000, lockDuration: 5000 });
    return worker.on("error", (error) => console.error(`${name}: ${error.message}`));
  });
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  log("ready", "workers");
  process.on("SIGTERM", () => Promise.all(workers.map((worker) => worker.close())).then(() => process.exit(0)));
}

async function add(kind, name, prefix, count) {
  const queue = new Queue(name, { connection: connect() });
  await kinds[kind](queue, names(prefix, Number(count)));
  await queue.close();
  process.exit(0);
}

async function feed(name, prefix, backlog) {
  let stopping = false;
  process.on("SIGTERM", () => (stopping = true));
  const queue = new Queue(name, { connection: connect(), defaultJobOptions: { removeOnComplete: { count: 100 } } });
  let count = 0;
  while (!stopping) {
    if ((await queue.getWaitingCount()) > Number(backlog)) {
      await new Promise((done) => setTimeout(done, 20));
      continue;
    }
    await queue.addBulk(Array.from({ length: 50 }, () => ({ name: `${prefix}-${count++}`, data: {}, opts: { attempts: 10 } })));
  }
  await queue.close();
  log("fed", `${name} ${count}`);
  process.exit(0);
}

const [, , what, ...rest] = process.argv;
({ work: () => work(rest), add: () => add(...rest), feed: () => feed(...rest) })[what]().catch((error) => {
  console.error(error);
  process.exit(1);
});
