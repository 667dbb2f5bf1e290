// node-redis, by RESP2 or, with "--resp 3", by RESP3: see README.md.
"use strict";
const { createClient, createClientPool, ErrorReply, RESP_TYPES, WatchError } = require("redis");
const { assert, rejects, runChecks, same } = require("./checks");

const url = process.env.REDIS_URL;
const protocol = process.argv[2] === "--resp" ? Number(process.argv[3]) : 2;
const prefix = `node-redis:${protocol}:${process.pid}:`;
const key = (name) => prefix + name;
const tagged = (name) => `{${prefix}}${name}`;

const failures = [];
async function connected(options = {}) {
  const client = createClient({ url, RESP: protocol, ...options });
  client.on("error", (error) => failures.push(error.message));
  await client.connect();
  return client;
}

// The library gives XREAD's map of RESP3 as it comes.
function streamReply(name, id, message) {
  if (protocol === 3) return { [name]: [[id, Object.entries(message).flat()]] };
  return [{ name, messages: [{ id, message }] }];
}

let client;

runChecks({
  async "connects with HELLO or AUTH, and says who it is by CLIENT SETINFO"() {
    client = await connected({ name: "app-7" });
    assert.equal(await client.ping(), "PONG");
    assert.equal(await client.clientGetName(), "app-7");
    same([(await client.clientInfo()).name, (await client.clientInfo()).db], ["app-7", 0]);
    assert.ok((await client.clientList()).some(({ name }) => name === "app-7"));
    assert.equal(typeof (await client.clientId()), "number");
    same(failures, []);
  },

  async "sees one standalone master"() {
    const info = await client.info();
    assert.match(info, /^redis_mode:standalone\r$/m);
    assert.match(info, /^role:master\r$/m);
    assert.equal((await client.role()).role, "master");
    const [get] = await client.commandInfo(["get"]);
    same([get.name, get.arity], ["get", 2]);
    assert.ok((await client.commandCount()) > 200);
    const hello = await client.hello();
    same([hello.proto, hello.mode, hello.role], [protocol, "standalone", "master"]);
  },

  async "strings"() {
    assert.equal(await client.set(key("a"), "grüß dich", { EX: 100 }), "OK");
    assert.equal(await client.get(key("a")), "grüß dich");
    assert.equal(await client.set(key("a"), "x", { NX: true }), null);
    assert.equal(await client.get(key("none")), null);
    assert.equal(await client.incrBy(key("n"), 5), 5);
    assert.equal(Number(await client.incrByFloat(key("n"), 0.5)), 5.5);
    assert.ok((await client.ttl(key("a"))) > 90);
    const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await client.set(key("binary"), binary);
    const buffers = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    assert.ok(binary.equals(await buffers.get(key("binary"))));
    await client.mSet(Array.from({ length: 50 }, (_, i) => [key(`m${i}`), String(i)]));
    same(await client.mGet([key("m7"), key("none"), key("m49")]), ["7", null, "49"]);
    assert.equal(await client.del(Array.from({ length: 50 }, (_, i) => key(`m${i}`))), 50);
  },

  async "hashes, lists, sets and sorted sets"() {
    assert.equal(await client.hSet(key("h"), { a: 1, b: "two" }), 2);
    same(await client.hGetAll(key("h")), { a: "1", b: "two" });
    same(await client.hGetAll(key("none")), {});
    assert.equal(await client.rPush(key("l"), ["1", "2", "3"]), 3);
    same(await client.lRange(key("l"), 0, -1), ["1", "2", "3"]);
    assert.equal(await client.sAdd(key("s"), ["x", "y"]), 2);
    same((await client.sMembers(key("s"))).sort(), ["x", "y"]);
    assert.equal(await client.sIsMember(key("s"), "x"), 1);
    assert.equal(await client.zAdd(key("z"), [{ score: 1, value: "one" }, { score: 2.5, value: "two" }]), 2);
    assert.equal(await client.zScore(key("z"), "two"), 2.5);
    same(await client.zRangeWithScores(key("z"), 0, -1), [{ value: "one", score: 1 }, { value: "two", score: 2.5 }]);
    assert.equal(await client.geoAdd(key("g"), { longitude: 13.4, latitude: 52.5, member: "Berlin" }), 1);
    assert.ok(Math.abs((await client.geoPos(key("g"), "Berlin"))[0].longitude - 13.4) < 0.001);
  },

  async "streams and their groups"() {
    const stream = key("x");
    await client.xGroupCreate(stream, "group", "$", { MKSTREAM: true });
    await client.xAdd(stream, "1-1", { field: "value" });
    const read = await client.xReadGroup("group", "me", { key: stream, id: ">" }, { COUNT: 5 });
    same(read, streamReply(stream, "1-1", { field: "value" }));
    assert.equal(await client.xLen(stream), 1);
    assert.equal(await client.xAck(stream, "group", "1-1"), 1);
    const reader = await connected({ unstableResp3: true });
    const waiting = reader.xRead({ key: stream, id: "1-1" }, { BLOCK: 20000 });
    await client.xAdd(stream, "2-0", { n: "2" });
    same(await waiting, streamReply(stream, "2-0", { n: "2" }));
    reader.destroy();
  },

  async "commands of one turn of the loop share a pipeline"() {
    const numbers = Array.from({ length: 1000 }, (_, i) => i);
    same(await Promise.all(numbers.map((i) => client.set(key(`p${i}`), i))), numbers.map(() => "OK"));
    same(await Promise.all(numbers.map((i) => client.get(key(`p${i}`)))), numbers.map(String));
    await client.set(key("text"), "x");
    const [wrong, value] = await Promise.allSettled([client.incr(key("text")), client.get(key("text"))]);
    assert.match(wrong.reason.message, /^ERR value is not an integer/);
    assert.equal(value.value, "x");
    same(await client.multi().set(key("e1"), "1").get(key("e1")).ping().execAsPipeline(), ["OK", "1", "PONG"]);
  },

  async "transactions"() {
    const counter = tagged("counter");
    same(await client.multi().set(counter, 1).incr(counter).get(counter).exec(), ["OK", 2, "2"]);
    same(await client.multi().hSet(tagged("h"), { a: 1 }).hGetAll(tagged("h")).exec(), [1, { a: "1" }]);
    await assert.rejects(client.multi().lPush(counter, "1").get(counter).exec(), (error) => {
      assert.ok(error.replies[0] instanceof ErrorReply);
      assert.match(error.replies[0].message, /^WRONGTYPE/);
      assert.equal(error.replies[1], "2");
      return true;
    });
  },

  async "WATCH makes a transaction fail whose key has changed"() {
    const watching = await client.duplicate().connect();
    const watched = tagged("watched");
    await client.set(watched, 1);
    await watching.watch(watched);
    assert.equal(await watching.get(watched), "1");
    await client.set(watched, 2);
    await assert.rejects(watching.multi().set(watched, 3).exec(), WatchError);
    await watching.watch(watched);
    same(await watching.multi().incr(watched).exec(), [3]);
    watching.destroy();
  },

  async "scan iterators find every key and every member"() {
    const names = Array.from({ length: 300 }, (_, i) => key(`scan:${i}`));
    await Promise.all(names.map((name) => client.set(name, 1)));
    const found = new Set();
    for await (const batch of client.scanIterator({ MATCH: key("scan:*"), COUNT: 50, TYPE: "string" })) {
      batch.forEach((name) => found.add(name));
    }
    same([...found].sort(), names.sort());
    await client.hSet(key("fields"), Object.fromEntries(names.map((name) => [name, 1])));
    const fields = new Set();
    for await (const batch of client.hScanIterator(key("fields"))) batch.forEach(({ field }) => fields.add(field));
    assert.equal(fields.size, 300);
  },

  async "scripts by EVALSHA, given as a whole where they are unknown"() {
    const lua = `-- ${prefix}${Date.now()}\nreturn {KEYS[1], redis.call('INCRBY', KEYS[2], ARGV[1])}`;
    const run = () => client.eval(lua, { keys: [tagged("first"), tagged("sum")], arguments: ["7"] });
    same(await run(), [tagged("first"), 7]);
    same(await run(), [tagged("first"), 14]);
    await rejects(client.evalSha("0".repeat(40), { keys: [key("a")] }), /^NOSCRIPT/);
    const sha = await client.scriptLoad(`return '${prefix}'`);
    same(await client.scriptExists([sha, "0".repeat(40)]), [1, 0]);
    for (let i = 0; i < 20; i += 1) assert.equal(await client.evalSha(sha, { keys: [key(`any${i}`)] }), prefix);
    const { defineScript } = require("redis");
    const add = defineScript({
      SCRIPT: `-- ${prefix}\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])`,
      NUMBER_OF_KEYS: 1,
      FIRST_KEY_INDEX: 1,
      parseCommand(parser, name, number) {
        parser.pushKey(name);
        parser.push(String(number));
      },
      transformReply: (reply) => reply,
    });
    const scripted = await connected({ scripts: { add } });
    assert.equal(await scripted.add(key("added"), 3), 3);
    assert.equal(await scripted.add(key("added"), 3), 6);
    scripted.destroy();
  },

  async "blocking pops wait, and end at their timeout"() {
    const consumer = await client.duplicate().connect();
    const queue = key("queue");
    assert.equal(await consumer.blPop(queue, 0.1), null);
    const popped = consumer.brPop(queue, 20);
    await client.lPush(queue, "job");
    same(await popped, { key: queue, element: "job" });
    const moved = consumer.blMove(tagged("from"), tagged("to"), "LEFT", "RIGHT", 20);
    await client.rPush(tagged("from"), "job");
    assert.equal(await moved, "job");
    const scored = consumer.bzPopMin(key("scores"), 20);
    await client.zAdd(key("scores"), { score: 1.5, value: "first" });
    same(await scored, { key: key("scores"), value: "first", score: 1.5 });
    consumer.destroy();
  },

  async "a pool of connections serves many at once"() {
    // All of them are connected first: destroy() of the library throws where one still logs in.
    const pool = await createClientPool({ url, RESP: protocol }, { minimum: 5, maximum: 5 }).connect();
    const numbers = Array.from({ length: 50 }, (_, i) => i);
    await Promise.all(numbers.map((i) => pool.set(key(`pool${i}`), i)));
    same(await Promise.all(numbers.map((i) => pool.get(key(`pool${i}`)))), numbers.map(String));
    pool.destroy();
  },

  async "errors carry the server's text"() {
    await rejects(client.sendCommand(["NOSUCHCOMMAND", "a"]), /^ERR unknown command 'NOSUCHCOMMAND'/);
    await rejects(client.sendCommand(["GET"]), /^ERR wrong number of arguments for 'get' command/);
    const address = Object.assign(new URL(url), { password: "wrong" }).href;
    const wrong = createClient({ url: address, RESP: protocol, socket: { reconnectStrategy: false } });
    wrong.on("error", () => {});
    await rejects(wrong.connect(), /WRONGPASS/);
  },

  async "closes in good order"() {
    await client.close();
    same(failures, []);
  },
});
