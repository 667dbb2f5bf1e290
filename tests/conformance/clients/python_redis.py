"""python3-redis, by RESP2 or, with "--resp 3" and version 5 or later, by RESP3: see README.md."""

import asyncio
import os
import sys
import threading
import traceback

import redis
import redis.asyncio

PROTOCOL = int(sys.argv[2]) if sys.argv[1:2] == ["--resp"] else 2
URL = os.environ["REDIS_URL"]
PREFIX = f"python-redis:{PROTOCOL}:{os.getpid()}:"


def options(**others):
    if PROTOCOL != 2:
        others["protocol"] = PROTOCOL
    return {"decode_responses": True, "socket_timeout": 30, **others}


def connect(**others):
    return redis.Redis.from_url(URL, **options(**others))


client = connect(client_name="app-7", health_check_interval=30)


def key(name):
    return PREFIX + name


def tagged(name):
    return "{" + PREFIX + "}" + name


def same(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r} instead of {expected!r}")


def rejects(call, pattern):
    try:
        reply = call()
    except redis.exceptions.RedisError as error:
        if pattern not in str(error):
            raise AssertionError(f"the error {str(error)!r} has no {pattern!r}") from error
    else:
        raise AssertionError(f"{reply!r} instead of an error")


def stream_reply(name, entries):
    """XREAD's map of RESP3 becomes a dict of lists of lists."""
    return {name: [entries]} if PROTOCOL == 3 else [[name, entries]]


def connects():
    same(client.ping(), True)
    same(client.client_getname(), "app-7")
    same(type(client.client_id()), int)
    same(client.client_info()["name"], "app-7")
    same([each["name"] for each in client.client_list() if int(each["id"]) == client.client_id()], ["app-7"])
    same(type(client.slowlog_len()), int)
    if PROTOCOL == 3:
        same(client.execute_command("HELLO")["proto"], 3)


def sees_one_standalone_master():
    info = client.info()
    same((info["redis_mode"], info["role"], info["cluster_enabled"]), ("standalone", "master", 0))
    same(client.info("server")["redis_mode"], "standalone")
    same(client.role()[0], "master")
    if client.command_count() < 200:
        raise AssertionError("COMMAND COUNT is small")
    same(client.command_getkeys("MSET", "a", 1, "b", 2), ["a", "b"])


def strings():
    same(client.set(key("a"), "grüß dich", ex=100), True)
    same(client.get(key("a")), "grüß dich")
    same(client.set(key("a"), "x", nx=True), None)
    same(client.getex(key("a"), persist=True), "grüß dich")
    same(client.ttl(key("a")), -1)
    same(client.incrbyfloat(key("n"), 0.5), 0.5)
    same(client.mset({key(f"m{i}"): i for i in range(50)}), True)
    same(client.mget(key("m7"), key("none"), key("m49")), ["7", None, "49"])
    same(client.delete(*[key(f"m{i}") for i in range(50)]), 50)


def collections():
    same(client.hset(key("h"), mapping={"a": 1, "b": "two"}), 2)
    same(client.hgetall(key("h")), {"a": "1", "b": "two"})
    same(client.rpush(key("l"), 1, 2, 3), 3)
    same(client.lrange(key("l"), 0, -1), ["1", "2", "3"])
    same(client.sadd(key("s"), "x", "y"), 2)
    same(set(client.smembers(key("s"))), {"x", "y"})
    same(client.zadd(key("z"), {"one": 1, "two": 2.5}), 2)
    same([tuple(pair) for pair in client.zrange(key("z"), 0, -1, withscores=True)], [("one", 1.0), ("two", 2.5)])
    same(client.zscore(key("z"), "two"), 2.5)


def streams_and_their_groups():
    stream = key("x")
    client.xgroup_create(stream, "group", mkstream=True)
    client.xadd(stream, {"field": "value"}, id="1-1")
    entries = [("1-1", {"field": "value"})]
    same(client.xreadgroup("group", "me", {stream: ">"}, count=5), stream_reply(stream, entries))
    same(client.xpending(stream, "group")["pending"], 1)
    same(client.xack(stream, "group", "1-1"), 1)
    same(client.xinfo_stream(stream)["length"], 1)
    same(client.xread({stream: "0"}, block=20000), stream_reply(stream, entries))


def pipelines():
    text = key("text")
    pipeline = client.pipeline(transaction=False)
    wrong, value, pong = pipeline.set(text, "x").incr(text).get(text).ping().execute(raise_on_error=False)[1:]
    same((str(wrong), value, pong), ("value is not an integer or out of range", "x", True))
    for i in range(1000):
        pipeline.set(key(f"p{i}"), i).get(key(f"p{i}"))
    same(pipeline.execute(), [reply for i in range(1000) for reply in (True, str(i))])


def transactions():
    counter = tagged("counter")
    same(client.pipeline().set(counter, 1).incr(counter).get(counter).execute(), [True, 2, "2"])
    wrong, value = client.pipeline().lpush(counter, 1).get(counter).execute(raise_on_error=False)
    same((str(wrong).split()[0], value), ("WRONGTYPE", "2"))

    def double(pipeline):
        current = int(pipeline.get(counter))
        pipeline.multi()
        pipeline.set(counter, 2 * current)

    same(client.transaction(double, counter), [True])
    same(client.get(counter), "4")


def watch_makes_a_transaction_fail_whose_key_has_changed():
    watched = tagged("watched")
    client.set(watched, 1)
    with client.pipeline() as pipeline:
        pipeline.watch(watched)
        same(pipeline.get(watched), "1")
        client.set(watched, 2)
        pipeline.multi()
        pipeline.set(watched, 3)
        rejects(pipeline.execute, "Watched variable changed")
    same(client.get(watched), "2")


def scan_iterators_find_every_key_and_every_member():
    names = {key(f"scan:{i}") for i in range(300)}
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.set(name, 1)
    pipeline.execute()
    same(set(client.scan_iter(key("scan:*"), count=50, _type="string")), names)
    client.sadd(key("members"), *names)
    same(set(client.sscan_iter(key("members"), count=20)), names)
    client.zadd(key("scored"), dict.fromkeys(names, 1))
    same({member for member, _score in client.zscan_iter(key("scored"))}, names)


def scripts_by_evalsha_given_as_a_whole_where_they_are_unknown():
    add = client.register_script(f"-- {PREFIX}\nreturn {{KEYS[1], redis.call('INCRBY', KEYS[2], ARGV[1])}}")
    for total in (7, 14):
        same(add(keys=[tagged("first"), tagged("sum")], args=[7]), [tagged("first"), total])
    rejects(lambda: client.evalsha("0" * 40, 1, key("a")), "No matching script")
    sha = client.script_load(f"return '{PREFIX}'")
    same(client.script_exists(sha, "0" * 40), [True, False])
    same([client.evalsha(sha, 1, key(f"any{i}")) for i in range(20)], [PREFIX] * 20)
    pipeline = client.pipeline()
    add(keys=[tagged("first"), tagged("sum")], args=[7], client=pipeline)
    same(pipeline.execute(), [[tagged("first"), 21]])


def a_lock_of_the_library():
    with client.lock(key("lock"), timeout=20, blocking_timeout=5) as lock:
        same(lock.owned(), True)
        same(connect().lock(key("lock"), timeout=20).acquire(blocking=False), False)
        same(lock.extend(10), True)
    same(client.exists(key("lock")), 0)


def blocking_pops_wait_and_end_at_their_timeout():
    same(client.blpop(key("queue"), timeout=0.1), None)
    popped = []
    waiting = threading.Thread(target=lambda: popped.append(connect().brpop([key("queue")], timeout=20)))
    waiting.start()
    client.lpush(key("queue"), "job")
    waiting.join(25)
    same([tuple(each) for each in popped], [(key("queue"), "job")])
    client.rpush(tagged("from"), "job")
    same(client.blmove(tagged("from"), tagged("to"), 5), "job")
    client.zadd(key("scores"), {"first": 1.5})
    same(tuple(client.bzpopmin(key("scores"), 5)), (key("scores"), "first", 1.5))


def errors_carry_the_servers_text():
    rejects(lambda: client.execute_command("NOSUCHCOMMAND", "a"), "unknown command 'NOSUCHCOMMAND'")
    rejects(lambda: client.execute_command("GET"), "wrong number of arguments for 'get' command")
    wrong = redis.Redis.from_url(URL.replace("@", "x@"), **options())
    rejects(wrong.ping, "invalid username-password pair")


def the_asynchronous_client():
    async def run():
        client = redis.asyncio.Redis.from_url(URL, **options())
        same(await asyncio.gather(*(client.set(key(f"async{i}"), i) for i in range(50))), [True] * 50)
        same(await asyncio.gather(*(client.get(key(f"async{i}")) for i in range(50))), [str(i) for i in range(50)])
        async with client.pipeline(transaction=True) as pipeline:
            same(await pipeline.incr(tagged("async")).incr(tagged("async")).execute(), [1, 2])
        await client.connection_pool.disconnect()

    asyncio.run(run())


CHECKS = [connects, sees_one_standalone_master, strings, collections, streams_and_their_groups, pipelines, transactions,
          watch_makes_a_transaction_fail_whose_key_has_changed, scan_iterators_find_every_key_and_every_member,
          scripts_by_evalsha_given_as_a_whole_where_they_are_unknown, a_lock_of_the_library,
          blocking_pops_wait_and_end_at_their_timeout, errors_carry_the_servers_text, the_asynchronous_client]


def main():
    failed = 0
    for check in CHECKS:
        try:
            check()
        except Exception:  # whatever a library raises is a failed check
            failed += 1
            print(f"FAILED {check.__name__.replace('_', ' ')}:\n{traceback.format_exc()}")
    print(f"{failed} of {len(CHECKS)} checks failed" if failed else f"{len(CHECKS)} checks were right")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
