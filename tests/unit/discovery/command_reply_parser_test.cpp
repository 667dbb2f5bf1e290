#include "proxy/discovery/command_reply_parser.h"

#include "command_replies.h"
#include "protocol/command_table.h"

namespace slotless::discovery {
namespace {

using protocol::CommandSpec;
using protocol::CommandTable;
using protocol::Handling;

TEST_CASE("what Redis 7 tells of all its commands is understood to the last word", "[learn]") {
  const Facts facts = protocol::builtInFacts();
  const auto learned = parsed(told(facts));
  REQUIRE(learned.has_value());
  CHECK(told(*learned) == told(facts));
}

TEST_CASE("names are told in any case and become lower case", "[learn]") {
  const auto learned = parsed(told(factsOf({"FT.Search -2; readonly module; 1 1 1; ;"})));
  REQUIRE(learned.has_value());
  CHECK(learned->front().name == "ft.search");
}

TEST_CASE("a subcommand's name is completed where a server tells the last part only", "[learn]") {
  Facts facts = factsOf({"box -2; ; 0 0 0; ;"});
  facts.front().subcommands = factsOf({"open 3; write; 2 2 1; ;"});
  const auto learned = parsed(told(facts));
  REQUIRE(learned.has_value());
  REQUIRE(learned->front().subcommands.size() == 1);
  CHECK(learned->front().subcommands.front().name == "box|open");
}

TEST_CASE("Redis 6 tells no specifications: the built-in ones are used", "[learn]") {
  const auto learned =
      parsed(toldByOld({{"expire", 3, {"write", "fast"}, 1, 1, 1, {"@keyspace", "@write", "@fast"}},
                        {"eval", -3, {"noscript", "movablekeys"}, 0, 0, 0, {"@slow", "@scripting"}},
                        {"mget", -2, {"readonly", "fast"}, 1, -1, 1, {"@read"}},
                        {"object", -2, {"readonly", "random"}, 2, 2, 1, {"@keyspace"}},
                        {"graph.query", -3, {"write", "module"}, 1, 1, 1, {}}},
                       true));
  REQUIRE(learned.has_value());
  const CommandTable table(*learned);
  CHECK(table.find("expire")->arity == 3);  // the server's: no NX yet
  CHECK(table.find("eval")->keySpecs.size() == 1);
  CHECK(table.find("eval")->keyProcedure == protocol::KeyProcedure::BySpecs);
  CHECK(table.find("mget")->handling == Handling::Split);
  CHECK(table.find("object|encoding")->singleKey == 2);
  CHECK(table.find("graph.query")->singleKey == 1);
}

TEST_CASE("Redis 5 tells no categories either, and fewer flags", "[learn]") {
  const auto learned = parsed(toldByOld({{"auth", 2, {"noscript", "loading", "stale", "fast"}},
                                         {"blpop", -3, {"write", "noscript"}, 1, -2, 1},
                                         {"subscribe", -2, {"pubsub", "noscript"}},
                                         {"multi", 1, {"noscript", "fast"}}},
                                        false));
  REQUIRE(learned.has_value());
  const CommandTable table(*learned);
  CHECK(table.find("auth")->has(protocol::kNoAuth));
  for (const std::string_view name : {"blpop", "subscribe", "multi"}) {
    INFO(name);
    CHECK(table.find(name)->handling == Handling::Session);
  }
}

TEST_CASE("every reply to COMMAND that makes no sense is refused", "[learn]") {
  const std::string one = told(factsOf({"get 2; readonly; 1 1 1; @read; ; RO access: index 1: range 0 1 0"}));
  REQUIRE(parsed(one).has_value());
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = one;
    const std::size_t at = changed.find(from);
    REQUIRE(at != std::string::npos);
    return changed.replace(at, from.size(), to);
  };
  for (const std::string& resp :
       {std::string("-NOPERM no\r\n"), std::string("*0\r\n"), std::string("$3\r\nget\r\n"),
        std::string("*1\r\n:1\r\n"), std::string("*1\r\n*2\r\n$3\r\nget\r\n:2\r\n"),
        with("$3\r\nget", "$3\r\ng t"), with("$3\r\nget", "$0\r\n"), with("$3\r\nget", "$3\r\ng\r\n"),
        with(":2\r\n", ":99999999999\r\n"), with(":2\r\n", "+2\r\n"), with("+readonly", ":7"),
        with("begin_search", "begin_nosrch"), with("$5\r\nindex\r\n:1", "$5\r\nindox\r\n:1"),
        with(":0\r\n$7\r\nkeystep", "$1\r\nx\r\n$7\r\nkeystep")}) {
    INFO(resp);
    CHECK_FALSE(parsed(resp).has_value());
  }
}

TEST_CASE("a way to find keys that is not known yet is left to the server", "[learn]") {
  Facts facts = factsOf({"new.one -3; readonly movablekeys; 0 0 0; ; ; RO access: index 1: range 0 1 0"});
  std::string resp = told(facts);
  resp.replace(resp.find("$5\r\nrange"), 9, "$5\r\nmagic");
  const auto learned = parsed(resp);
  REQUIRE(learned.has_value());
  const CommandTable table(*learned);
  CHECK(table.find("new.one")->keyProcedure == protocol::KeyProcedure::AskServer);
}

}  // namespace
}  // namespace slotless::discovery
