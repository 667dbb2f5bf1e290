// The plan for each kind of request.
#include "proxy/routing/router.h"

#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.h"
#include "protocol/command_table.h"

namespace slotless::routing {
namespace {

using protocol::slotOf;

const protocol::CommandSpec& specOf(const std::vector<std::string_view>& argv) {
  const protocol::CommandSpec* spec = protocol::CommandTable::builtIn()->find(protocol::Argv(argv));
  if (spec == nullptr) throw std::invalid_argument("unknown command");
  return *spec;
}

Plan planOf(const std::vector<std::string_view>& argv, bool splitAllowed = true) {
  Router router(splitAllowed);
  Plan plan;
  router.plan(specOf(argv), argv, plan);
  return plan;
}

std::vector<std::vector<std::uint32_t>> partsOf(const Plan& plan) {
  std::vector<std::vector<std::uint32_t>> parts;
  for (std::size_t i = 0; i < plan.partCount; ++i) parts.push_back(plan.parts[i].keys);
  return parts;
}

TEST_CASE("a command with one key goes to that key's slot", "[router]") {
  for (const auto& argv : std::vector<std::vector<std::string_view>>{{"GET", "k"},
                                                                     {"SET", "k", "v"},
                                                                     {"HSET", "k", "f", "v"},
                                                                     {"OBJECT", "ENCODING", "k"},
                                                                     {"EXPIRE", "k", "1"}}) {
    INFO(argv[0]);
    const Plan plan = planOf(argv);
    CHECK(plan.kind == Plan::Kind::OneSlot);
    CHECK(plan.merge == Merge::None);
    CHECK(plan.slot == slotOf("k"));
  }
}

TEST_CASE("several keys in one slot go there together, unsplit", "[router]") {
  for (const auto& argv : std::vector<std::vector<std::string_view>>{
           {"MGET", "{a}1", "{a}2", "{a}1"},
           {"MSET", "{a}1", "x", "{a}2", "y"},
           {"RENAME", "{a}1", "{a}2"},
           {"SINTERSTORE", "{a}1", "{a}2", "{a}3"},
           {"EVAL", "return 1", "2", "{a}1", "{a}2", "elsewhere"},
           {"ZUNIONSTORE", "{a}d", "2", "{a}1", "{a}2", "WEIGHTS", "1", "2"},
           {"XREAD", "COUNT", "1", "STREAMS", "{a}1", "{a}2", "0", "0"}}) {
    INFO(argv[0]);
    const Plan plan = planOf(argv);
    CHECK(plan.kind == Plan::Kind::OneSlot);
    CHECK(plan.slot == slotOf("{a}"));
    CHECK(plan.partCount == 0);
  }
}

TEST_CASE("keys in several slots are split by slot, each part in the order of its keys", "[router]") {
  const Plan plan = planOf({"MGET", "a", "b", "{a}2", "a", "c", "{b}2"});
  CHECK(plan.kind == Plan::Kind::BySlot);
  CHECK(plan.merge == Merge::Interleave);
  CHECK(plan.stride == 1);
  CHECK(plan.keyPositions == std::vector<std::uint32_t>{1, 2, 3, 4, 5, 6});
  CHECK(partsOf(plan) == std::vector<std::vector<std::uint32_t>>{{0, 2, 3}, {1, 5}, {4}});
  CHECK(plan.parts[0].slot == slotOf("a"));
  CHECK(plan.parts[1].slot == slotOf("b"));
  CHECK(plan.parts[2].slot == slotOf("c"));
}

TEST_CASE("each split command has its stride and its merge", "[router]") {
  struct Row {
    std::vector<std::string_view> argv;
    Merge merge;
    std::uint32_t stride;
  };
  for (const Row& row : std::vector<Row>{{{"MGET", "a", "b"}, Merge::Interleave, 1},
                                         {{"MSET", "a", "1", "b", "2"}, Merge::First, 2},
                                         {{"DEL", "a", "b"}, Merge::Sum, 1},
                                         {{"UNLINK", "a", "b"}, Merge::Sum, 1},
                                         {{"EXISTS", "a", "b"}, Merge::Sum, 1},
                                         {{"TOUCH", "a", "b"}, Merge::Sum, 1}}) {
    INFO(row.argv[0]);
    const Plan plan = planOf(row.argv);
    CHECK(plan.kind == Plan::Kind::BySlot);
    CHECK(plan.merge == row.merge);
    CHECK(plan.stride == row.stride);
    CHECK(plan.partCount == 2);
    CHECK(plan.keyPositions.back() == row.stride + 1);
  }
}

TEST_CASE("every key of a split request is in exactly one part, and parts are slots", "[router]") {
  std::mt19937_64 engine(7);
  Router router(true);
  Plan plan;  // one plan for all, as sessions keep it
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> names = {"MGET"};
    const std::size_t count = 1 + engine() % 200;
    for (std::size_t i = 0; i < count; ++i) names.push_back("key:" + std::to_string(engine() % 50));
    const std::vector<std::string_view> argv(names.begin(), names.end());
    router.plan(specOf(argv), argv, plan);
    std::map<protocol::Slot, std::vector<std::uint32_t>> expected;
    for (std::uint32_t i = 0; i < count; ++i) expected[slotOf(argv[i + 1])].push_back(i);
    if (expected.size() == 1) {
      REQUIRE(plan.kind == Plan::Kind::OneSlot);
      REQUIRE(plan.slot == expected.begin()->first);
      continue;
    }
    REQUIRE(plan.kind == Plan::Kind::BySlot);
    REQUIRE(plan.partCount == expected.size());
    for (std::size_t i = 0; i < plan.partCount; ++i)
      REQUIRE(plan.parts[i].keys == expected.at(plan.parts[i].slot));
  }
}

TEST_CASE("a request with a key in each of the 16,384 slots is split into as many parts", "[router]") {
  std::map<protocol::Slot, std::string> keyOf;
  for (int i = 0; keyOf.size() < protocol::kSlotCount; ++i)
    keyOf.emplace(slotOf(std::to_string(i)), std::to_string(i));
  std::vector<std::string_view> argv = {"DEL"};
  for (const auto& [slot, key] : keyOf) argv.push_back(key);
  const Plan plan = planOf(argv);
  CHECK(plan.partCount == protocol::kSlotCount);
  CHECK(plan.parts[protocol::kSlotCount - 1].keys.size() == 1);
}

TEST_CASE("what cannot or must not be split is refused with Redis's text", "[router]") {
  const std::string crossSlot = "CROSSSLOT Keys in request don't hash to the same slot";
  for (const auto& argv : std::vector<std::vector<std::string_view>>{{"RENAME", "a", "b"},
                                                                     {"SINTER", "a", "b"},
                                                                     {"EVAL", "return 1", "2", "a", "b"},
                                                                     {"MSETNX", "a", "1", "b", "2"},
                                                                     {"BITOP", "AND", "a", "b"}}) {
    INFO(argv[0]);
    const Plan plan = planOf(argv);
    CHECK(plan.kind == Plan::Kind::Refused);
    CHECK(plan.error == crossSlot);
  }
  const Plan forbidden = planOf({"MGET", "a", "b"}, false);
  CHECK(forbidden.kind == Plan::Kind::Refused);
  CHECK(forbidden.error == crossSlot);
  CHECK(planOf({"MGET", "{a}1", "{a}2"}, false).kind == Plan::Kind::OneSlot);
}

TEST_CASE("a key without its value is refused before anything is split", "[router]") {
  for (const std::string_view name : {"mset", "msetnx"}) {
    const Plan plan = planOf({name, "a", "1", "b"});
    CHECK(plan.kind == Plan::Kind::Refused);
    CHECK(plan.error == "ERR wrong number of arguments for '" + std::string(name) + "' command");
  }
}

TEST_CASE("without keys, or with arguments that make no sense, any node answers", "[router]") {
  for (const auto& argv : std::vector<std::vector<std::string_view>>{{"EVAL", "return 1", "0"},
                                                                     {"EVAL", "return 1", "3", "a"},
                                                                     {"EVAL", "return 1", "-1", "a"},
                                                                     {"EVAL", "return 1", "many"},
                                                                     {"XREAD", "COUNT", "1"},
                                                                     {"ZUNIONSTORE", "a", "9", "b"}}) {
    INFO(argv[0]);
    const Plan plan = planOf(argv);
    CHECK(plan.kind == Plan::Kind::AnyNode);
    CHECK(plan.slot == protocol::kNoSlot);
  }
}

TEST_CASE("a hashed argument chooses the node as a key would", "[router]") {
  const Plan plan = planOf({"PUBLISH", "channel", "message"});
  CHECK(plan.kind == Plan::Kind::OneSlot);
  CHECK(plan.slot == slotOf("channel"));
}

TEST_CASE("a command for all nodes goes to each, with the merge of its response policy", "[router]") {
  struct Row {
    protocol::ResponsePolicy policy;
    Merge merge;
  };
  using Policy = protocol::ResponsePolicy;
  for (const Row& row : std::vector<Row>{{Policy::OneSucceeded, Merge::FirstSuccess},
                                         {Policy::AllSucceeded, Merge::First},
                                         {Policy::AggLogicalAnd, Merge::LogicalAnd},
                                         {Policy::AggLogicalOr, Merge::LogicalOr},
                                         {Policy::AggMin, Merge::Minimum},
                                         {Policy::AggMax, Merge::Maximum},
                                         {Policy::AggSum, Merge::Sum}}) {
    protocol::CommandSpec spec;
    spec.name = "everywhere";
    spec.handling = protocol::Handling::FanOut;
    spec.responsePolicy = row.policy;
    Plan plan;
    Router(true).plan(spec, std::vector<std::string_view>{"EVERYWHERE"}, plan);
    CHECK(plan.kind == Plan::Kind::EachNode);
    CHECK(plan.merge == row.merge);
  }
}

TEST_CASE("a plan that is filled again keeps nothing of the request before", "[router]") {
  Router router(true);
  Plan plan;
  const auto fill = [&](const std::vector<std::string_view>& argv) { router.plan(specOf(argv), argv, plan); };
  fill({"MSET", "a", "1", "b", "2", "c", "3"});
  REQUIRE(plan.partCount == 3);
  fill({"MGET", "b", "a"});
  CHECK(partsOf(plan) == std::vector<std::vector<std::uint32_t>>{{0}, {1}});
  CHECK(plan.stride == 1);
  CHECK(plan.parts[0].slot == slotOf("b"));
  fill({"GET", "z"});
  CHECK(plan.kind == Plan::Kind::OneSlot);
  CHECK(plan.merge == Merge::None);
  CHECK(plan.partCount == 0);
}

}  // namespace
}  // namespace slotless::routing
