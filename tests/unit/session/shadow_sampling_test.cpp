#include "proxy/session/shadow_sampling.h"

#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "protocol/command_table.h"
#include "proxy/observe/shadow_queue.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::session {
namespace {

using observe::ShadowQueue;

const protocol::CommandSpec& specOf(std::string_view name) {
  static const auto table = protocol::CommandTable::builtIn();
  const protocol::CommandSpec* const spec = table->find(name);
  REQUIRE(spec != nullptr);
  return *spec;
}

TEST_CASE("only reads are asked again, whose replies tell what their keys hold") {
  for (const char* name : {"get", "mget", "hgetall", "smembers", "sinter", "zrange", "strlen", "exists",
                           "type", "lrange", "getrange", "xrange", "bitcount", "scard"}) {
    INFO(name);
    CHECK(isComparable(specOf(name)));
  }
  for (const char* name :
       {"set",       "getdel",     "getex",    "del",    "ttl",   "srandmember", "hscan", "eval",
        "eval_ro",   "evalsha_ro", "fcall_ro", "blpop",  "xread", "subscribe",   "keys",  "scan",
        "randomkey", "sort_ro",    "ping",     "dbsize", "watch", "multi",       "dump"}) {
    INFO(name);
    CHECK_FALSE(isComparable(specOf(name)));
  }
}

TEST_CASE("of what is looked at, so many are kept as shadow-sample says") {
  config::Config config;
  const databases::Databases databases(config);
  const std::vector<std::string_view> argv{"HGETALL", "key"};
  const std::vector<std::uint32_t> keys{1};
  const auto& counts = telemetry::ShadowCounts::ofProcess();
  const auto look = [&](int times, std::uint64_t every) {
    const auto before = counts.sampled();
    for (int i = 0; i < times; ++i)
      sampleShadow(config, every, databases.at(3), specOf("hgetall"), argv, keys);
    return counts.sampled() - before;
  };
  CHECK(look(100, 100) == 0);
  config.shadowSample = 400;
  CHECK(look(100, 100) == 25);
  config.shadowSample = 100;
  CHECK(look(10, 100) == 10);
  const auto sample = ShadowQueue::ofProcess().take(std::chrono::milliseconds(0));
  REQUIRE(sample);
  CHECK(sample->command == "hgetall");
  CHECK(sample->database == 3);
  CHECK(sample->words == std::vector<std::string>{"HGETALL", "key"});
  CHECK(sample->keys == keys);
  CHECK(sample->order == protocol::ReplyOrder::AnyPair);
}

TEST_CASE("a large request is counted and not kept") {
  config::Config config;
  config.shadowSample = 1;
  const databases::Databases databases(config);
  const std::string large(ShadowQueue::kMostWordBytes, 'x');
  const std::vector<std::string_view> argv{"GET", large};
  const std::vector<std::uint32_t> keys{1};
  auto& counts = telemetry::ShadowCounts::ofProcess();
  const auto before = counts.dropped(telemetry::ShadowDrop::Large);
  const auto waiting = counts.waiting();
  sampleShadow(config, 1, databases.at(0), specOf("get"), argv, keys);
  CHECK(counts.dropped(telemetry::ShadowDrop::Large) == before + 1);
  CHECK(counts.waiting() == waiting);
}

}  // namespace
}  // namespace slotless::session
