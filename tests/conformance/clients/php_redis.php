<?php
// php-redis, the extension in C (versions 5 and 6): see README.md.
declare(strict_types=1);

define("PREFIX", "php-redis:" . getmypid() . ":");
require __DIR__ . "/checks.php";

function connect(): Redis
{
    global $address;
    $client = new Redis();
    $client->connect($address["host"], $address["port"], 10.0);
    $client->auth($address["pass"]);
    $client->select(0);
    $client->setOption(Redis::OPT_READ_TIMEOUT, 30);
    return $client;
}

$client = connect();

run_checks([
    "connects, for good or as a persistent connection" => function () use ($client, $address) {
        same($client->ping(), true);
        same($client->client("SETNAME", "app-7"), true);
        same($client->client("GETNAME"), "app-7");
        same(in_array("app-7", array_column($client->client("LIST"), "name"), true), true);
        for ($i = 0; $i < 2; $i++) {
            $persistent = new Redis();
            same($persistent->pconnect($address["host"], $address["port"], 10.0, "app"), true);
            same($persistent->auth($address["pass"]), true);
            same($persistent->ping("hello"), "hello");
            $persistent->close();
        }
    },

    "sees one standalone master" => function () use ($client) {
        $info = $client->info();
        same([$info["redis_mode"], $info["role"]], ["standalone", "master"]);
        same($client->role()[0], "master");
        same(count($client->time()), 2);
        same($client->rawCommand("COMMAND", "INFO", "get")[0][0], "get");
    },

    "strings" => function () use ($client) {
        same($client->set(key_of("a"), "grüß dich", ["ex" => 100]), true);
        same($client->get(key_of("a")), "grüß dich");
        same($client->set(key_of("a"), "x", ["nx"]), false);
        same($client->get(key_of("none")), false);
        same($client->incrBy(key_of("n"), 5), 5);
        same($client->incrByFloat(key_of("n"), 0.5), 5.5);
        same($client->ttl(key_of("a")) > 90, true);
        $binary = implode(array_map("chr", range(0, 255)));
        same($client->set(key_of("binary"), $binary), true);
        same($client->get(key_of("binary")), $binary);
        $values = [];
        for ($i = 0; $i < 50; $i++) {
            $values[key_of("m$i")] = (string) $i;
        }
        same($client->mSet($values), true);
        same($client->mGet(array_keys($values)), array_values($values));
        same($client->mGet([key_of("m7"), key_of("none")]), ["7", false]);
        same($client->del(array_keys($values)), 50);
    },

    "hashes, lists, sets and sorted sets" => function () use ($client) {
        same($client->hMSet(key_of("h"), ["a" => "1", "b" => "two"]), true);
        same($client->hGetAll(key_of("h")), ["a" => "1", "b" => "two"]);
        same($client->rPush(key_of("l"), "1", "2", "3"), 3);
        same($client->lRange(key_of("l"), 0, -1), ["1", "2", "3"]);
        same($client->sAdd(key_of("s"), "x", "y"), 2);
        same(sorted($client->sMembers(key_of("s"))), ["x", "y"]);
        same($client->zAdd(key_of("z"), 1, "one", 2.5, "two"), 2);
        same($client->zRange(key_of("z"), 0, -1, true), ["one" => 1.0, "two" => 2.5]);
    },

    "streams and their groups" => function () use ($client) {
        $stream = key_of("x");
        same($client->xGroup("CREATE", $stream, "group", "$", true), true);
        same($client->xAdd($stream, "1-1", ["field" => "value"]), "1-1");
        $first = [$stream => ["1-1" => ["field" => "value"]]];
        same($client->xReadGroup("group", "me", [$stream => ">"], 5), $first);
        same($client->xAck($stream, "group", ["1-1"]), 1);
        same($client->xRead([$stream => "0"], 5, 20000), $first);
    },

    "pipelines" => function () use ($client) {
        $pipeline = $client->multi(Redis::PIPELINE);
        $expected = [];
        for ($i = 0; $i < 1000; $i++) {
            $pipeline->set(key_of("p$i"), (string) $i)->get(key_of("p$i"));
            array_push($expected, true, (string) $i);
        }
        same($pipeline->exec(), $expected);
        $client->set(key_of("text"), "x");
        same($client->pipeline()->incr(key_of("text"))->get(key_of("text"))->exec(), [false, "x"]);
        contains((string) $client->getLastError(), "value is not an integer");
    },

    "transactions" => function () use ($client) {
        $counter = tagged("counter");
        same($client->multi()->set($counter, "1")->incr($counter)->get($counter)->exec(), [true, 2, "2"]);
        same($client->multi()->lPush($counter, "1")->get($counter)->exec(), [false, "2"]);
        contains((string) $client->getLastError(), "WRONGTYPE");
        $client->multi()->set($counter, "9");
        same($client->discard(), true);
        same($client->get($counter), "2");
    },

    "WATCH makes a transaction fail whose key has changed" => function () use ($client) {
        $watched = tagged("watched");
        $client->set($watched, "1");
        same($client->watch($watched), true);
        connect()->set($watched, "2");
        same($client->multi()->set($watched, "3")->exec(), false);
        $client->watch($watched);
        same($client->multi()->incr($watched)->exec(), [3]);
    },

    "scan iterators find every key and every member" => function () use ($client) {
        $names = array_map(fn ($i) => key_of("scan:$i"), range(0, 299));
        foreach ($names as $name) {
            $client->set($name, "1");
        }
        $client->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
        $found = [];
        $cursor = null;
        while (($batch = $client->scan($cursor, key_of("scan:*"), 50)) !== false) {
            $found = array_merge($found, $batch);
        }
        same(sorted(array_values(array_unique($found))), sorted($names));
        $client->sAdd(key_of("members"), ...$names);
        $found = [];
        $cursor = null;
        while (($batch = $client->sScan(key_of("members"), $cursor, null, 20)) !== false) {
            $found = array_merge($found, $batch);
        }
        same(sorted(array_values(array_unique($found))), sorted($names));
    },

    "scripts by EVALSHA, given as a whole where they are unknown" => function () use ($client) {
        $lua = "-- " . PREFIX . "\nreturn {KEYS[1], redis.call('INCRBY', KEYS[2], ARGV[1])}";
        $arguments = [tagged("first"), tagged("sum"), 7];
        $client->clearLastError();
        same($client->evalSha(sha1($lua), $arguments, 2), false);
        contains((string) $client->getLastError(), "NOSCRIPT");
        same($client->eval($lua, $arguments, 2), [tagged("first"), 7]);
        same($client->evalSha(sha1($lua), $arguments, 2), [tagged("first"), 14]);
        $sha = $client->script("load", "return '" . PREFIX . "'");
        same($client->script("exists", $sha, str_repeat("0", 40)), [1, 0]);
        for ($i = 0; $i < 20; $i++) {
            same($client->evalSha($sha, [key_of("any$i")], 1), PREFIX);
        }
    },

    "blocking pops end at their timeout, and give what is there" => function () use ($client) {
        same($client->blPop([key_of("queue")], 1), []);
        $client->rPush(key_of("queue"), "job");
        same($client->brPop([key_of("queue")], 20), [key_of("queue"), "job"]);
        $client->rPush(tagged("from"), "job");
        same($client->brpoplpush(tagged("from"), tagged("to"), 20), "job");
        $client->zAdd(key_of("scores"), 1.5, "first");
        same($client->bzPopMin([key_of("scores")], 20), [key_of("scores"), "first", "1.5"]);
    },

    "errors carry the server's text" => function () use ($client, $address) {
        $client->clearLastError();
        same($client->rawCommand("NOSUCHCOMMAND", "a"), false);
        contains((string) $client->getLastError(), "ERR unknown command 'NOSUCHCOMMAND'");
        $wrong = new Redis();
        $wrong->connect($address["host"], $address["port"], 10.0);
        contains(error_of(fn () => $wrong->auth("wrong")), "WRONGPASS");
        contains(error_of(fn () => $wrong->get("a")), "NOAUTH");
    },

    "sessions of PHP" => function () use ($address) {
        ini_set("session.save_handler", "redis");
        ini_set("session.save_path", "tcp://{$address['host']}:{$address['port']}?auth={$address['pass']}&prefix=" . PREFIX);
        ini_set("session.use_cookies", "0");
        ini_set("session.cache_limiter", "");
        ini_set("redis.session.locking_enabled", "1");
        session_id("session-7");
        same(session_start(), true);
        $_SESSION["user"] = "Ada";
        same(session_write_close(), true);
        $_SESSION = [];
        same(session_start(), true);
        same($_SESSION, ["user" => "Ada"]);
        same(session_destroy(), true);
    },
]);
