#include "proxy/advise/usage.h"

#include "catch.h"

using namespace slotless;
using advise::Usage;
using advise::Use;
using advise::UseKind;

namespace {

Usage watched(std::initializer_list<const char*> lines) {
  Usage usage;
  for (const char* line : lines) {
    const auto seen = subcommand::parseMonitorLine(line);
    REQUIRE(seen);
    usage.add(*seen);
  }
  usage.finish();
  return usage;
}

std::vector<Use> usesOf(const Usage& usage, std::uint32_t database = 0) {
  std::vector<Use> uses;
  for (const auto& [id, use] : usage.databases().at(database).uses) uses.push_back(use);
  return uses;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a command over several keys is a use of them, one over a single key is none") {
  const Usage usage = watched({R"(1.1 [0 1:1] "get" "a")", R"(1.1 [0 1:1] "mget" "a" "b")",
                               R"(1.1 [0 1:1] "mget" "b" "a")", R"(1.1 [0 2:2] "sunion" "a" "b")",
                               R"(1.1 [0 2:2] "mget" "a" "a")", R"(1.1 [0 2:2] "unheard" "a" "b")"});
  CHECK(usage.commands() == 6);
  const auto& database = usage.databases().at(0);
  CHECK(database.seenOf(UseKind::Split) == 2);
  CHECK(database.seenOf(UseKind::Command) == 1);
  const auto uses = usesOf(usage);
  REQUIRE(uses.size() == 2);
  CHECK(uses[0].name == "MGET");
  CHECK(uses[0].count == 2);
  CHECK(uses[1].name == "SUNION");
  CHECK(uses[1].keys == Names{"a", "b"});
}

TEST_CASE("a transaction uses what it watches and all that stands in it, and others' commands do not count") {
  const Usage usage =
      watched({R"(1.1 [3 1:1] "watch" "w")", R"(1.1 [3 1:1] "get" "elsewhere")", R"(1.1 [3 1:1] "multi")",
               R"(1.1 [3 2:2] "set" "other" "1")", R"(1.1 [3 1:1] "set" "a" "1")",
               R"(1.1 [3 1:1] "mset" "b" "1" "c" "1")", R"(1.1 [3 1:1] "exec")", R"(1.1 [3 1:1] "multi")",
               R"(1.1 [3 1:1] "set" "a" "1")", R"(1.1 [3 1:1] "exec")"});
  const auto& database = usage.databases().at(3);
  CHECK(database.seenOf(UseKind::Transaction) == 2);
  CHECK(database.seenOf(UseKind::Split) == 0);
  const auto uses = usesOf(usage, 3);
  REQUIRE(uses.size() == 1);
  CHECK(uses[0].keys == Names{"a", "b", "c", "w"});
}

TEST_CASE("what is not watched any more, or thrown away, is no part of a transaction") {
  for (const char* ends :
       {R"(1.1 [0 1:1] "unwatch")", R"(1.1 [0 1:1] "reset")", R"(1.1 [0 1:1] "discard")"}) {
    const Usage usage = watched({R"(1.1 [0 1:1] "watch" "w")", ends, R"(1.1 [0 1:1] "multi")",
                                 R"(1.1 [0 1:1] "set" "a" "1")", R"(1.1 [0 1:1] "exec")"});
    CHECK(usesOf(usage).empty());
  }
  const Usage open = watched({R"(1.1 [0 1:1] "multi")", R"(1.1 [0 1:1] "mset" "a" "1" "b" "1")"});
  CHECK(usesOf(open).empty());
}

TEST_CASE("a script uses its keys and those that it calls, declared or not") {
  const Usage usage = watched({R"(1.1 [0 1:1] "evalsha" "f00" "1" "a")", R"(1.1 [0 lua] "set" "a" "1")",
                               R"(1.1 [0 lua] "lpush" "b" "1")", R"(1.1 [0 1:1] "get" "c")",
                               R"(1.1 [0 1:1] "eval" "return 1" "0")", R"(1.1 [0 lua] "get" "d")"});
  CHECK(usage.databases().at(0).seenOf(UseKind::Script) == 2);
  const auto uses = usesOf(usage);
  REQUIRE(uses.size() == 2);
  CHECK(uses[0].name == "EVAL");
  CHECK(uses[0].declaresNone);
  CHECK(uses[1].name == "EVALSHA");
  CHECK_FALSE(uses[1].declaresNone);
  CHECK(uses[1].keys == Names{"a", "b"});
}

TEST_CASE("a script in a transaction is both, and so is what it calls") {
  const Usage usage = watched({R"(1.1 [0 1:1] "multi")", R"(1.1 [0 1:1] "set" "x" "1")",
                               R"(1.1 [0 1:1] "evalsha" "f00" "1" "a")", R"(1.1 [0 lua] "get" "b")",
                               R"(1.1 [0 1:1] "exec")"});
  const auto uses = usesOf(usage);
  REQUIRE(uses.size() == 2);
  CHECK(uses[0].kind == UseKind::Transaction);
  CHECK(uses[0].keys == Names{"a", "b", "x"});
  CHECK(uses[1].kind == UseKind::Script);
}

TEST_CASE("a question about the whole database counts where it is a part of something") {
  CHECK(usesOf(watched({R"(1.1 [0 1:1] "dbsize")", R"(1.1 [0 1:1] "scan" "0")"})).empty());
  const auto scripts = usesOf(watched({R"(1.1 [0 1:1] "eval" "…" "1" "a")", R"(1.1 [0 lua] "keys" "*")"}));
  REQUIRE(scripts.size() == 1);
  CHECK(scripts[0].aboutAll);
  const auto transactions =
      usesOf(watched({R"(1.1 [0 1:1] "multi")", R"(1.1 [0 1:1] "dbsize")", R"(1.1 [0 1:1] "exec")"}));
  REQUIRE(transactions.size() == 1);
  CHECK(transactions[0].aboutAll);
}

TEST_CASE("what is remembered is limited, and what is not is counted") {
  Usage usage;
  for (std::size_t i = 0; i < Usage::kMostUses + 7; ++i)
    usage.add({0, "1:1", {"sunion", "a" + std::to_string(i), "b"}});
  subcommand::SeenCommand wide{0, "1:1", {"mget"}};
  for (std::size_t i = 0; i < Usage::kMostKeys * 2; ++i) wide.words.push_back("k" + std::to_string(i));
  Usage other;
  other.add(wide);
  CHECK(usage.databases().at(0).uses.size() == Usage::kMostUses);
  CHECK(usage.databases().at(0).notKept == 7);
  CHECK(usage.databases().at(0).seenOf(UseKind::Command) == Usage::kMostUses + 7);
  CHECK(usesOf(other).at(0).keys.size() == Usage::kMostKeys);
}
