# ruby-redis (versions 4.8 and 5): see README.md.
require "redis"
require "digest"

URL = ENV.fetch("REDIS_URL")
PREFIX = "ruby-redis:#{Process.pid}:".freeze
CLIENT = Redis.new(url: URL, id: "app-7", timeout: 30, reconnect_attempts: 0)

def connect
  Redis.new(url: URL, timeout: 30, reconnect_attempts: 0)
end

def key(name)
  PREFIX + name
end

def tagged(name)
  "{#{PREFIX}}#{name}"
end

def same(actual, expected)
  raise "#{actual.inspect} instead of #{expected.inspect}" unless actual == expected
end

def rejects(pattern)
  reply = yield
rescue Redis::BaseError => error
  raise "the error #{error.message.inspect} is not like #{pattern.inspect}" unless error.message.match?(pattern)
else
  raise "#{reply.inspect} instead of an error"
end

CHECKS = {
  "connects" => lambda {
    same CLIENT.ping, "PONG"
    same CLIENT.call("CLIENT", "SETNAME", "app-7"), "OK"
    same CLIENT.call("CLIENT", "GETNAME"), "app-7"
    same CLIENT.call("CLIENT", "LIST").include?(" name=app-7 "), true
    same CLIENT.select(0), "OK"
  },

  "sees one standalone master" => lambda {
    info = CLIENT.info
    same info.values_at("redis_mode", "role", "cluster_enabled"), %w[standalone master 0]
    same CLIENT.call("ROLE").first, "master"
    same CLIENT.call("COMMAND", "INFO", "get").first.first(2), ["get", 2]
  },

  "strings" => lambda {
    same CLIENT.set(key("a"), "grüß dich", ex: 100), "OK"
    same CLIENT.get(key("a")), "grüß dich"
    same CLIENT.set(key("a"), "x", nx: true), false
    same CLIENT.get(key("none")), nil
    same CLIENT.incrby(key("n"), 5), 5
    same CLIENT.incrbyfloat(key("n"), 0.5), 5.5
    same CLIENT.ttl(key("a")) > 90, true
    binary = (0..255).map(&:chr).join.b
    CLIENT.set(key("binary"), binary)
    same CLIENT.get(key("binary")).b, binary
    same CLIENT.mset(*(0...50).flat_map { |i| [key("m#{i}"), i] }), "OK"
    same CLIENT.mget(key("m7"), key("none"), key("m49")), ["7", nil, "49"]
    same CLIENT.mapped_mget(key("m1"), key("m2")), { key("m1") => "1", key("m2") => "2" }
    same CLIENT.del(*(0...50).map { |i| key("m#{i}") }), 50
  },

  "hashes, lists, sets and sorted sets" => lambda {
    same CLIENT.hset(key("h"), { "a" => 1, "b" => "two" }), 2
    same CLIENT.hgetall(key("h")), { "a" => "1", "b" => "two" }
    same CLIENT.rpush(key("l"), [1, 2, 3]), 3
    same CLIENT.lrange(key("l"), 0, -1), %w[1 2 3]
    same CLIENT.sadd(key("s"), %w[x y]), 2
    same CLIENT.smembers(key("s")).sort, %w[x y]
    same CLIENT.zadd(key("z"), [[1, "one"], [2.5, "two"]]), 2
    same CLIENT.zrange(key("z"), 0, -1, with_scores: true), [["one", 1.0], ["two", 2.5]]
  },

  "streams and their groups" => lambda {
    stream = key("x")
    same CLIENT.xgroup(:create, stream, "group", "$", mkstream: true), "OK"
    same CLIENT.xadd(stream, { "field" => "value" }, id: "1-1"), "1-1"
    first = { stream => [["1-1", { "field" => "value" }]] }
    same CLIENT.xreadgroup("group", "me", stream, ">", count: 5), first
    same CLIENT.xack(stream, "group", "1-1"), 1
    same CLIENT.xread(stream, "0", block: 20_000), first
    same CLIENT.xinfo(:stream, stream)["length"], 1
  },

  "pipelines" => lambda {
    replies = CLIENT.pipelined do |pipeline|
      1000.times do |i|
        pipeline.set(key("p#{i}"), i)
        pipeline.get(key("p#{i}"))
      end
    end
    same replies, (0...1000).flat_map { |i| ["OK", i.to_s] }
    rejects(/value is not an integer/) do
      CLIENT.pipelined do |pipeline|
        pipeline.set(key("text"), "x")
        pipeline.incr(key("text"))
        pipeline.set(key("after"), 1)
      end
    end
    same CLIENT.get(key("after")), "1"
  },

  "transactions" => lambda {
    counter = tagged("counter")
    replies = CLIENT.multi do |transaction|
      transaction.set(counter, 1)
      transaction.incr(counter)
      transaction.get(counter)
    end
    same replies, ["OK", 2, "2"]
    rejects(/^WRONGTYPE/) do
      CLIENT.multi do |transaction|
        transaction.lpush(counter, 1)
        transaction.incr(counter)
      end
    end
    same CLIENT.get(counter), "3"
  },

  "WATCH makes a transaction fail whose key has changed" => lambda {
    watched = tagged("watched")
    other = connect
    CLIENT.set(watched, 1)
    attempt = lambda do |change|
      CLIENT.watch(watched) do |client|
        same CLIENT.get(watched), "1"
        other.set(watched, 1) if change
        client.multi { |transaction| transaction.incr(watched) }
      end
    end
    same attempt.call(true), nil
    same attempt.call(false), [2]
    other.close
  },

  "scan iterators find every key and every member" => lambda {
    names = (0...300).map { |i| key("scan:#{i}") }.sort
    CLIENT.pipelined { |pipeline| names.each { |name| pipeline.set(name, 1) } }
    same CLIENT.scan_each(match: key("scan:*"), count: 50, type: "string").to_a.uniq.sort, names
    CLIENT.sadd(key("members"), names)
    same CLIENT.sscan_each(key("members"), count: 20).to_a.uniq.sort, names
  },

  "scripts by EVALSHA, given as a whole where they are unknown" => lambda {
    lua = "-- #{PREFIX}\nreturn {KEYS[1], redis.call('INCRBY', KEYS[2], ARGV[1])}"
    run = lambda do
      arguments = { keys: [tagged("first"), tagged("sum")], argv: [7] }
      begin
        CLIENT.evalsha(Digest::SHA1.hexdigest(lua), **arguments)
      rescue Redis::CommandError => error
        raise unless error.message.start_with?("NOSCRIPT")
        CLIENT.eval(lua, **arguments)
      end
    end
    same [run.call, run.call], [[tagged("first"), 7], [tagged("first"), 14]]
    rejects(/^NOSCRIPT/) { CLIENT.evalsha("0" * 40, [key("a")]) }
    sha = CLIENT.script(:load, "return '#{PREFIX}'")
    same CLIENT.script(:exists, [sha, "0" * 40]), [true, false]
    20.times { |i| same CLIENT.evalsha(sha, [key("any#{i}")]), PREFIX }
  },

  "blocking pops wait, and end at their timeout" => lambda {
    same CLIENT.blpop(key("queue"), timeout: 0.1), nil
    waiting = Thread.new { connect.brpop(key("queue"), timeout: 20) }
    CLIENT.lpush(key("queue"), "job")
    same waiting.value, [key("queue"), "job"]
    CLIENT.rpush(tagged("from"), "job")
    same CLIENT.blmove(tagged("from"), tagged("to"), "LEFT", "RIGHT", timeout: 20), "job"
    CLIENT.zadd(key("scores"), 1.5, "first")
    same CLIENT.bzpopmin(key("scores"), timeout: 20), [key("scores"), "first", 1.5]
  },

  "errors carry the server's text" => lambda {
    rejects(/^ERR unknown command '?`?NOSUCHCOMMAND/) { CLIENT.call("NOSUCHCOMMAND", "a") }
    rejects(/^ERR wrong number of arguments for 'get' command/) { CLIENT.call("GET") }
    rejects(/WRONGPASS/) { Redis.new(url: URL.sub("@", "x@"), reconnect_attempts: 0).ping }
  },

  "says goodbye" => lambda {
    same CLIENT.quit, "OK"
  },
}.freeze

failed = 0
CHECKS.each do |name, check|
  check.call
rescue StandardError => error
  failed += 1
  puts "FAILED #{name}: #{error.class}: #{error.message}", error.backtrace.first(5)
end
puts(failed.zero? ? "#{CHECKS.size} checks were right" : "#{failed} of #{CHECKS.size} checks failed")
exit(failed.zero? ? 0 : 1)
