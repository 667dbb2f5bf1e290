#include "proxy/pubsub/monitor_line.h"

#include "catch.h"
#include "protocol/command_table.h"
#include "proxy/databases/script_names.h"

using namespace slotless::pubsub;
using slotless::config::DatabaseLayout;
namespace databases = slotless::databases;
namespace protocol = slotless::protocol;

namespace {

struct Lines {
  slotless::config::Config config = [] {
    slotless::config::Config made;
    made.databases = 16;
    made.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                           {2, 2, DatabaseLayout::Grouped, "", "q:*:|[*]"},
                           {3, 3, DatabaseLayout::Spread, ""}};
    return made;
  }();
  slotless::databases::Databases databases{config};

  // Of what stands behind the time.
  std::string of(const std::string& rest) const {
    const auto line = translateLine(databases, "+1700000000.000001 " + rest + "\r\n");
    if (!line) return "as it is";
    REQUIRE(line->starts_with("+1700000000.000001 "));
    REQUIRE(line->ends_with("\r\n"));
    return line->substr(19, line->size() - 21);
  }
};

}  // namespace

TEST_CASE_METHOD(Lines, "keys of a mapped database are called as there, with its number") {
  CHECK(of(R"([0 10.0.0.9:1] "SET" "~1{a}foo" "1")") == R"([1 10.0.0.9:1] "SET" "foo" "1")");
  CHECK(of(R"([0 unix:/run/x] "mset" "~3:{x}y" "1" "~3:" "2")") ==
        R"([3 unix:/run/x] "mset" "{x}y" "1" "" "2")");
  CHECK(of(R"([0 lua] "get" "~1{a}\"x ")") == R"([1 lua] "get" "\"x ")");
}

TEST_CASE_METHOD(Lines, "the first database that is named is the line's") {
  CHECK(of(R"([0 h:1] "copy" "~1{a}x" "~3:y")") == R"([1 h:1] "copy" "x" "~3:y")");
}

TEST_CASE_METHOD(Lines, "scripts are shown without what is sent with them") {
  const std::string script =
      databases::ScriptNames(*protocol::CommandTable::builtIn()).wrap("return KEYS[1]");
  CHECK(of("[0 h:1] \"EVAL\" \"" + script + R"(" "2" "~1{a}k" "~{a}" "x" "~1{a}")") ==
        R"([1 h:1] "EVAL" "return KEYS[1]" "1" "k" "x")");
  CHECK(of("[0 h:1] \"eval_ro\" \"" + script + R"(" "1" "~{a}" "~1{a}")") ==
        R"([1 h:1] "eval_ro" "return KEYS[1]" "0")");
  CHECK(of("[0 h:1] \"EVAL\" \"" + script + R"(" "1" "~3:k" "x" "~3:")") ==
        R"([3 h:1] "EVAL" "return KEYS[1]" "1" "k" "x")");
  CHECK(of(R"([0 h:1] "EVALSHA" "ab" "2" "~1{a}\"k" "~{a}" "~1{a}")") ==
        R"([1 h:1] "EVALSHA" "ab" "1" "\"k")");
  CHECK(of(R"([0 h:1] "EVAL" "return" "1" "~1{a}k" "x")") == R"([1 h:1] "EVAL" "return" "1" "k" "x")");
}

TEST_CASE_METHOD(Lines, "keys and scripts of a grouped database are shown as its clients say them") {
  CHECK(of(R"([0 h:1] "MGET" "~2{abc}q:a:x" "~2{xyz}q:b:x" "~2{abcd}" "~1{a}x")") ==
        R"([2 h:1] "MGET" "q:a:x" "q:b:x" "~2{abcd}" "~1{a}x")");
  const std::string script =
      databases::ScriptNames(*protocol::CommandTable::builtIn(), {}, databases::ScriptNames::Keys::InGroups)
          .wrap("return KEYS[1]");
  CHECK(of("[0 h:1] \"EVAL\" \"" + script +
           R"(" "3" "~2{abc}q:a:x" "~2{abc}q:a:\"y" "~{abc}" "v" "q:*:|[*]" "~2{???}")") ==
        R"([2 h:1] "EVAL" "return KEYS[1]" "2" "q:a:x" "q:a:\"y" "v")");
  CHECK(of("[0 h:1] \"EVAL\" \"" + script + R"(" "0" "v" "q:*:|[*]" "~2{???}")") ==
        R"([2 h:1] "EVAL" "return KEYS[1]" "0" "v")");
  CHECK(of(R"([0 h:1] "EVAL" "return" "1" "~2{abc}q:a:x" "v")") ==
        R"([2 h:1] "EVAL" "return" "1" "q:a:x" "v")");
}

TEST_CASE_METHOD(Lines, "everything else stays as it is") {
  for (const std::string rest : {R"([0 h:1] "SET" "foo" "1")", R"([0 h:1] "SET" "foo" "x~1{a}")",
                                 R"([0 h:1] "SET" "foo" "\" \"~1{a}x")", R"([0 h:1] "GET" "~1{b}x")",
                                 R"([0 h:1] "GET" "~4")", R"([0 h:1] "GET" "~17:x")", R"("~1{a}x")"}) {
    INFO(rest);
    CHECK(of(rest) == "as it is");
  }
}
