#include "proxy/cluster/learned_facts.h"

#include "command_replies.h"
#include "protocol/command_table.h"

namespace slotless::discovery {
namespace {

using protocol::CommandSpec;
using protocol::CommandTable;

std::vector<std::string> namesOf(const Facts& facts) {
  std::vector<std::string> names;
  for (const CommandSpec& spec : facts) names.push_back(spec.name);
  return names;
}

TEST_CASE("of servers with different commands, those that all have remain", "[learn]") {
  const Facts common =
      cluster::intersectFacts({factsOf({"a 1; ; 0 0 0; ;", "b 1; ; 0 0 0; ;", "c 1; ; 0 0 0; ;"}),
                               factsOf({"c 1; ; 0 0 0; ;", "b 1; ; 0 0 0; ;", "d 1; ; 0 0 0; ;"}),
                               factsOf({"b 1; ; 0 0 0; ;", "c 1; ; 0 0 0; ;"})});
  CHECK(namesOf(common) == std::vector<std::string>{"b", "c"});
}

TEST_CASE("one server's facts stay as they are", "[learn]") {
  CHECK(told(cluster::intersectFacts({protocol::builtInFacts()})) == told(protocol::builtInFacts()));
}

TEST_CASE("only common subcommands remain", "[learn]") {
  Facts older = factsOf({"box -2; ; 0 0 0; ;"});
  older.front().subcommands = factsOf({"box|open 2; ; 0 0 0; ;", "box|shut 2; ; 0 0 0; ;"});
  Facts newer = older;
  newer.front().subcommands = factsOf({"box|peek 2; ; 0 0 0; ;", "box|open 3; ; 0 0 0; ;"});
  const Facts common = cluster::intersectFacts({older, newer});
  CHECK(namesOf(common.front().subcommands) == std::vector<std::string>{"box|open"});
}

TEST_CASE("where two servers differ the more careful fact counts", "[learn]") {
  struct Row {
    int older;
    int newer;
    int both;
  };
  for (const Row& row : std::initializer_list<Row>{{3, 3, 3},
                                                   {3, -3, 3},
                                                   {-3, 3, 3},
                                                   {-2, -4, -4},
                                                   {-4, -2, -4},
                                                   {2, 3, 2},
                                                   {2, -3, 2},
                                                   {-3, 2, -3}}) {
    INFO(row.older << " and " << row.newer);
    Facts older = factsOf({"x 1; readonly; 0 0 0; @read;"});
    Facts newer = factsOf({"x 1; may_replicate readonly; 0 0 0; @blocking;"});
    older.front().arity = row.older;
    newer.front().arity = row.newer;
    const CommandTable table(cluster::intersectFacts({older, newer}));
    CHECK(table.find("x")->arity == row.both);
    CHECK_FALSE(table.find("x")->retryAfterLoss);
    CHECK(table.find("x")->handling == protocol::Handling::Session);
  }
}

TEST_CASE("the proxy's own commands are there whatever the servers know", "[learn]") {
  Facts facts = factsOf({"get 2; readonly; 1 1 1; @read;", "ping -1; fast; 0 0 0; @connection;"});
  cluster::addOwnCommands(facts);
  const CommandTable table(facts);
  for (const std::string_view name : {"get", "hello", "quit", "reset", "auth", "role"}) {
    INFO(name);
    CHECK(table.find(name) != nullptr);
  }
  CHECK(table.find("set") == nullptr);
  const auto names = namesOf(facts);
  CHECK(std::count(names.begin(), names.end(), "ping") == 1);
}

TEST_CASE("a table of learned facts derives as the built-in one", "[learn]") {
  Facts facts = *parsed(told(protocol::builtInFacts()));
  cluster::addOwnCommands(facts);
  const CommandTable learned(cluster::intersectFacts({facts, protocol::builtInFacts()}));
  const auto same = [](const CommandSpec& a, const CommandSpec& b) {
    return a.id == b.id && a.handling == b.handling && a.singleKey == b.singleKey && a.barrier == b.barrier &&
           a.retryAfterLoss == b.retryAfterLoss && a.requestPolicy == b.requestPolicy &&
           a.responsePolicy == b.responsePolicy && a.keyProcedure == b.keyProcedure;
  };
  for (const CommandSpec& command : CommandTable::builtIn()->commands()) {
    INFO(command.name);
    REQUIRE(learned.find(command.name) != nullptr);
    CHECK(same(*learned.find(command.name), command));
    for (const CommandSpec& sub : command.subcommands) CHECK(same(*learned.find(sub.name), sub));
  }
}

}  // namespace
}  // namespace slotless::discovery
