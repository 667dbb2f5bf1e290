// ioredis, the client of most Node.js applications and of BullMQ: see README.md.
"use strict";
const Redis = require("ioredis");
const { assert, rejects, runChecks, same } = require("./checks");

const url = process.env.REDIS_URL;
const prefix = `ioredis:${process.pid}:`;
const client = new Redis(url, { maxRetriesPerRequest: 1 });
const failures = [];
client.on("error", (error) => failures.push(error.message));

const key = (name) => prefix + name;
const tagged = (name) => `{${prefix}}${name}`;

async function scanned(stream) {
  const found = new Set();
  for await (const batch of stream) batch.forEach((each) => found.add(each));
  return found;
}

runChecks({
  async "connects, asking INFO whether the server is ready"() {
    assert.equal(await client.ping(), "PONG");
    assert.equal(client.status, "ready");
    same(failures, []);
    assert.match(client.serverInfo ? client.serverInfo.redis_version : (await client.info()), /7\.|8\./);
  },

  async "names itself, and the name is kept"() {
    const named = new Redis({ ...parsed(url), connectionName: "app-7", db: 0 });
    assert.equal(await named.client("GETNAME"), "app-7");
    assert.match(await client.client("LIST"), / name=app-7 /);
    named.disconnect();
  },

  async "sees one standalone master"() {
    const info = await client.info();
    assert.match(info, /^redis_mode:standalone\r$/m);
    assert.match(info, /^role:master\r$/m);
    assert.equal((await client.role())[0], "master");
    const [[name, arity]] = await client.command("INFO", "get");
    same([name, arity], ["get", 2]);
  },

  async "strings"() {
    assert.equal(await client.set(key("a"), "grüß dich", "EX", 100), "OK");
    assert.equal(await client.get(key("a")), "grüß dich");
    assert.equal(await client.set(key("a"), "x", "NX"), null);
    assert.equal(await client.get(key("none")), null);
    assert.equal(await client.incrby(key("n"), 5), 5);
    assert.ok((await client.ttl(key("a"))) > 90);
    const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await client.set(key("binary"), binary);
    assert.ok(binary.equals(await client.getBuffer(key("binary"))));
    await client.mset(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [key(`m${i}`), i])));
    same(await client.mget(key("m7"), key("none"), key("m49")), ["7", null, "49"]);
    assert.equal(await client.del(...Array.from({ length: 50 }, (_, i) => key(`m${i}`))), 50);
  },

  async "hashes, lists, sets and sorted sets"() {
    assert.equal(await client.hset(key("h"), { a: 1, b: "two" }), 2);
    same(await client.hgetall(key("h")), { a: "1", b: "two" });
    same(await client.hgetall(key("none")), {});
    assert.equal(await client.rpush(key("l"), 1, 2, 3), 3);
    same(await client.lrange(key("l"), 0, -1), ["1", "2", "3"]);
    assert.equal(await client.sadd(key("s"), "x", "y"), 2);
    same((await client.smembers(key("s"))).sort(), ["x", "y"]);
    assert.equal(await client.zadd(key("z"), 1, "one", 2.5, "two"), 2);
    same(await client.zrange(key("z"), 0, -1, "WITHSCORES"), ["one", "1", "two", "2.5"]);
  },

  async "streams and their groups"() {
    const stream = key("x");
    await client.xgroup("CREATE", stream, "group", "$", "MKSTREAM");
    await client.xadd(stream, "1-1", "field", "value");
    const first = [[stream, [["1-1", ["field", "value"]]]]];
    same(await client.xreadgroup("GROUP", "group", "me", "COUNT", 5, "STREAMS", stream, ">"), first);
    assert.equal(await client.xack(stream, "group", "1-1"), 1);
    const reader = client.duplicate();
    const waiting = reader.xread("BLOCK", 20000, "STREAMS", stream, "$");
    for (let number = 2, got = null; got === null; number += 1) {
      await client.xadd(stream, `${number}-0`, "n", number);
      got = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 50, null))]);
      if (got) assert.equal(got[0][0], stream);
    }
    reader.disconnect();
  },

  async "pipelines give results and errors in place"() {
    await client.set(key("text"), "x");
    const results = await client.pipeline().incr(key("text")).get(key("text")).ping().exec();
    assert.match(results[0][0].message, /^ERR value is not an integer/);
    same(results.slice(1), [[null, "x"], [null, "PONG"]]);
    const many = client.pipeline();
    for (let i = 0; i < 1000; i += 1) many.set(key(`p${i}`), i).get(key(`p${i}`));
    const replies = await many.exec();
    assert.ok(replies.every(([error, reply], i) => !error && reply === (i % 2 ? `${(i - 1) / 2}` : "OK")));
  },

  async "commands of one turn of the loop share a pipeline (enableAutoPipelining)"() {
    const auto = new Redis(url, { enableAutoPipelining: true });
    const numbers = Array.from({ length: 200 }, (_, i) => i);
    same(await Promise.all(numbers.map((i) => auto.set(key(`auto${i}`), i))), numbers.map(() => "OK"));
    same(await Promise.all(numbers.map((i) => auto.get(key(`auto${i}`)))), numbers.map(String));
    auto.disconnect();
  },

  async "transactions"() {
    const counter = tagged("counter");
    same(await client.multi().set(counter, 1).incr(counter).get(counter).exec(), [[null, "OK"], [null, 2], [null, "2"]]);
    await client.multi({ pipeline: false });
    assert.equal(await client.incr(counter), "QUEUED");
    same(await client.exec(), [[null, 3]]);
    const [[error], [, value]] = await client.multi().lpush(counter, 1).get(counter).exec();
    assert.match(error.message, /^WRONGTYPE/);
    assert.equal(value, "3");
  },

  async "WATCH makes a transaction fail whose key has changed"() {
    const watching = client.duplicate();
    const watched = tagged("watched");
    await client.set(watched, 1);
    await watching.watch(watched);
    assert.equal(await watching.get(watched), "1");
    await client.set(watched, 2);
    assert.equal(await watching.multi().set(watched, 3).exec(), null);
    await watching.watch(watched);
    same(await watching.multi().incr(watched).exec(), [[null, 3]]);
    watching.disconnect();
  },

  async "scan streams find every key and every member"() {
    const names = Array.from({ length: 300 }, (_, i) => key(`scan:${i}`));
    await Promise.all(names.map((name) => client.set(name, 1)));
    same([...(await scanned(client.scanStream({ match: key("scan:*"), count: 50 })))].sort(), names.sort());
    await client.sadd(key("members"), ...names);
    same([...(await scanned(client.sscanStream(key("members"), { count: 20 })))].sort(), names);
    await client.hset(key("fields"), Object.fromEntries(names.map((name) => [name, 1])));
    assert.equal((await scanned(client.hscanStream(key("fields")))).size, 301); // values, too
  },

  async "scripts by EVALSHA, given as a whole where they are unknown"() {
    const lua = `-- ${prefix}${Date.now()}\nreturn {KEYS[1], redis.call('INCRBY', KEYS[2], ARGV[1])}`;
    client.defineCommand("addAndTell", { numberOfKeys: 2, lua });
    for (const sum of [7, 14]) {
      same(await client.addAndTell(tagged("first"), tagged("sum"), 7), [tagged("first"), sum]);
    }
    await rejects(client.evalsha("0".repeat(40), 1, key("a")), /^NOSCRIPT/);
    const sha = await client.script("LOAD", `return '${prefix}'`);
    same(await client.script("EXISTS", sha, "0".repeat(40)), [1, 0]);
    for (let i = 0; i < 20; i += 1) assert.equal(await client.evalsha(sha, 1, key(`any${i}`)), prefix);
  },

  async "blocking pops wait, and end at their timeout"() {
    const consumer = client.duplicate();
    const queue = key("queue");
    assert.equal(await consumer.blpop(queue, 0.1), null);
    const popped = consumer.brpop(queue, 20);
    await client.lpush(queue, "job");
    same(await popped, [queue, "job"]);
    const moved = consumer.blmove(tagged("from"), tagged("to"), "LEFT", "RIGHT", 20);
    await client.rpush(tagged("from"), "job");
    assert.equal(await moved, "job");
    const scored = consumer.bzpopmin(key("scores"), 20);
    await client.zadd(key("scores"), 1.5, "first");
    same(await scored, [key("scores"), "first", "1.5"]);
    consumer.disconnect();
  },

  async "errors carry the server's text"() {
    await rejects(client.call("NOSUCHCOMMAND", "a"), /^ERR unknown command 'NOSUCHCOMMAND'/);
    await rejects(client.call("GET"), /^ERR wrong number of arguments for 'get' command/);
    const wrong = new Redis({ ...parsed(url), password: "wrong", retryStrategy: null, lazyConnect: true });
    const refused = new Promise((resolve) => wrong.on("error", resolve));
    await assert.rejects(wrong.connect().then(() => wrong.ping()));
    assert.match((await refused).message, /WRONGPASS/);
    wrong.disconnect();
  },

  async "says goodbye with QUIT"() {
    const leaving = client.duplicate();
    const ended = new Promise((resolve) => leaving.on("end", resolve));
    assert.equal(await leaving.quit(), "OK");
    await ended;
  },
});

function parsed(text) {
  const { hostname, port, password } = new URL(text);
  return { host: hostname, port: Number(port), password };
}
