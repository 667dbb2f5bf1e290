<?php
// Predis, the library in PHP (versions 1, 2 and 3): see README.md.
declare(strict_types=1);

define("PREFIX", "predis:" . getmypid() . ":");
require __DIR__ . "/checks.php";
require "Predis/autoload.php";

function connect(): Predis\Client
{
    return new Predis\Client(getenv("REDIS_URL") . "?read_write_timeout=30");
}

$client = connect();

run_checks([
    "connects" => function () use ($client) {
        same((string) $client->ping(), "PONG");
        same((string) $client->client("SETNAME", "app-7"), "OK");
        same($client->client("GETNAME"), "app-7");
        same(in_array("app-7", array_column($client->client("LIST"), "name"), true), true);
    },

    "sees one standalone master" => function () use ($client) {
        $info = $client->info();
        same($info["Server"]["redis_mode"], "standalone");
        same($info["Replication"]["role"], "master");
        same($client->executeRaw(["ROLE"])[0], "master");
        same($client->executeRaw(["COMMAND", "INFO", "get"])[0][0], "get");
    },

    "strings" => function () use ($client) {
        same((string) $client->set(key_of("a"), "grüß dich", "EX", 100), "OK");
        same($client->get(key_of("a")), "grüß dich");
        same($client->set(key_of("a"), "x", "EX", 100, "NX"), null);
        same($client->get(key_of("none")), null);
        same($client->incrby(key_of("n"), 5), 5);
        same($client->ttl(key_of("a")) > 90, true);
        $values = [];
        for ($i = 0; $i < 50; $i++) {
            $values[key_of("m$i")] = (string) $i;
        }
        same((string) $client->mset($values), "OK");
        same($client->mget(array_keys($values)), array_values($values));
        same($client->mget([key_of("m7"), key_of("none")]), ["7", null]);
        same($client->del(array_keys($values)), 50);
    },

    "hashes, lists, sets and sorted sets" => function () use ($client) {
        same((string) $client->hmset(key_of("h"), ["a" => "1", "b" => "two"]), "OK");
        same($client->hgetall(key_of("h")), ["a" => "1", "b" => "two"]);
        same($client->rpush(key_of("l"), ["1", "2", "3"]), 3);
        same($client->lrange(key_of("l"), 0, -1), ["1", "2", "3"]);
        same($client->sadd(key_of("s"), ["x", "y"]), 2);
        same(sorted($client->smembers(key_of("s"))), ["x", "y"]);
        same($client->zadd(key_of("z"), ["one" => 1, "two" => 2.5]), 2);
        same((float) $client->zscore(key_of("z"), "two"), 2.5);
        same($client->zrange(key_of("z"), 0, -1), ["one", "two"]);
    },

    "streams and their groups" => function () use ($client) {
        $stream = key_of("x");
        same((string) $client->executeRaw(["XGROUP", "CREATE", $stream, "group", "$", "MKSTREAM"]), "OK");
        same($client->executeRaw(["XADD", $stream, "1-1", "field", "value"]), "1-1");
        $read = $client->executeRaw(["XREADGROUP", "GROUP", "group", "me", "COUNT", "5", "STREAMS", $stream, ">"]);
        same($read, [[$stream, [["1-1", ["field", "value"]]]]]);
        same($client->executeRaw(["XACK", $stream, "group", "1-1"]), 1);
    },

    "pipelines" => function () use ($client) {
        $replies = $client->pipeline(function ($pipeline) {
            for ($i = 0; $i < 1000; $i++) {
                $pipeline->set(key_of("p$i"), (string) $i);
                $pipeline->get(key_of("p$i"));
            }
        });
        same(count($replies), 2000);
        foreach ($replies as $i => $reply) {
            same((string) $reply, $i % 2 ? (string) intdiv($i, 2) : "OK");
        }
        $client->set(key_of("text"), "x");
        $failing = fn () => $client->pipeline(fn ($pipeline) => $pipeline->incr(key_of("text")));
        contains(error_of($failing), "value is not an integer");
    },

    "transactions, also as an atomic pipeline" => function () use ($client) {
        $counter = tagged("counter");
        $work = function ($transaction) use ($counter) {
            $transaction->set($counter, "1");
            $transaction->incr($counter);
            $transaction->get($counter);
        };
        foreach ([$client->transaction($work), $client->pipeline(["atomic" => true], $work)] as $replies) {
            same([(string) $replies[0], $replies[1], $replies[2]], ["OK", 2, "2"]);
        }
    },

    "WATCH and CAS make a transaction fail whose key has changed" => function () use ($client) {
        $watched = tagged("watched");
        $client->set($watched, "1");
        $attempt = function (bool $change) use ($client, $watched) {
            return $client->transaction(
                ["watch" => $watched, "cas" => true, "retry" => 0],
                function ($transaction) use ($watched, $change) {
                    same($transaction->get($watched), "1");
                    if ($change) {
                        connect()->set($watched, "1");
                    }
                    $transaction->multi();
                    $transaction->incr($watched);
                }
            );
        };
        contains(error_of(fn () => $attempt(true)), "aborted");
        same($attempt(false), [2]);
    },

    "scan iterators find every key and every member" => function () use ($client) {
        $names = array_map(fn ($i) => key_of("scan:$i"), range(0, 299));
        foreach ($names as $name) {
            $client->set($name, "1");
        }
        $found = [];
        foreach (new Predis\Collection\Iterator\Keyspace($client, key_of("scan:*"), 50) as $name) {
            $found[$name] = true;
        }
        same(sorted(array_keys($found)), sorted($names));
        $client->sadd(key_of("members"), $names);
        $found = [];
        foreach (new Predis\Collection\Iterator\SetKey($client, key_of("members"), null, 20) as $name) {
            $found[$name] = true;
        }
        same(sorted(array_keys($found)), sorted($names));
    },

    "scripts by EVALSHA, given as a whole where they are unknown" => function () use ($client) {
        $lua = "-- " . PREFIX . "\nreturn {KEYS[1], redis.call('INCRBY', KEYS[2], ARGV[1])}";
        $arguments = [2, tagged("first"), tagged("sum"), "7"];
        contains(error_of(fn () => $client->evalsha(sha1($lua), ...$arguments)), "NOSCRIPT");
        same($client->eval($lua, ...$arguments), [tagged("first"), 7]);
        same($client->evalsha(sha1($lua), ...$arguments), [tagged("first"), 14]);
        $sha = $client->script("LOAD", "return '" . PREFIX . "'");
        for ($i = 0; $i < 20; $i++) {
            same($client->evalsha($sha, 1, key_of("any$i")), PREFIX);
        }
    },

    "blocking pops end at their timeout, and give what is there" => function () use ($client) {
        same($client->blpop([key_of("queue")], 1), null);
        $client->rpush(key_of("queue"), ["job"]);
        same($client->brpop([key_of("queue")], 20), [key_of("queue"), "job"]);
        $client->rpush(tagged("from"), ["job"]);
        same($client->brpoplpush(tagged("from"), tagged("to"), 20), "job");
    },

    "errors carry the server's text" => function () use ($client) {
        $unknown = $client->executeRaw(["NOSUCHCOMMAND", "a"], $is_error);
        contains((string) $unknown, "ERR unknown command 'NOSUCHCOMMAND'");
        same($is_error, true);
        $wrong = new Predis\Client(str_replace("@", "x@", (string) getenv("REDIS_URL")));
        contains(error_of(fn () => $wrong->ping()), "WRONGPASS");
    },

    "says goodbye" => function () use ($client) {
        $client->quit();
        same($client->isConnected(), false);
    },
]);
