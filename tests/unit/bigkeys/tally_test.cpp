#include "proxy/bigkeys/tally.h"

#include "catch.h"

namespace slotless::bigkeys {

namespace {

Key key(std::string name, std::uint64_t bytes) {
  return {std::move(name), bytes, 7, "n:1"};
}

}  // namespace

TEST_CASE("bigkeys: keys are added up by database and type, the largest first", "[bigkeys]") {
  Tally tally(2);
  tally.add(1, "list", key("queue", 2048));
  tally.add(0, "string", key("small", 50));
  tally.add(0, "string", key("large", 3'000'000));
  tally.add(0, "string", key("middle", 60));
  tally.add(std::nullopt, "set", key("~9:x", 10));
  CHECK(textReport(tally, {3, {}}) ==
        "no database set: 1 keys, 10 B\n"
        "        10 B  ~9:x  (slot 7 on n:1)\n"
        "database 0 string: 3 keys, 2.9 MB\n"
        "      2.9 MB  large  (slot 7 on n:1)\n"
        "        60 B  middle  (slot 7 on n:1)\n"
        "database 1 list: 1 keys, 2.0 KB\n"
        "      2.0 KB  queue  (slot 7 on n:1)\n"
        "5 keys, 2.9 MB, on 3 masters\n");
}

TEST_CASE("bigkeys: a key that is seen twice is shown once", "[bigkeys]") {
  Tally tally(3);
  tally.add(0, "string", key("a", 10));
  tally.add(0, "string", key("b", 20));
  tally.add(0, "string", key("a", 30));
  const Group& group = tally.groups().begin()->second;
  REQUIRE(group.largest.size() == 2);
  CHECK(group.largest[0].name == "a");
  CHECK(group.largest[0].bytes == 30);
}

TEST_CASE("bigkeys: none of the largest may be wanted", "[bigkeys]") {
  Tally tally(0);
  tally.add(0, "string", key("a", 10));
  CHECK(textReport(tally, {1, {}}) == "database 0 string: 1 keys, 10 B\n1 keys, 10 B, on 1 masters\n");
}

TEST_CASE("bigkeys: what is not there is said", "[bigkeys]") {
  const Tally tally(1);
  const Coverage coverage{2, {"n:1: no answer"}};
  CHECK(textReport(tally, coverage) == "0 keys, 0 B, on 2 masters\nnot all of n:1: no answer\n");
  CHECK(jsonReport(tally, coverage) == R"({"masters":2,"keys":0,"bytes":0,"missing":["n:1: no answer"]})"
                                       "\n");
}

TEST_CASE("bigkeys: as JSON, one document a line", "[bigkeys]") {
  Tally tally(1);
  tally.add(0, "string", key("a", 10));
  tally.add(std::nullopt, "string", key("b", 5));
  CHECK(
      jsonReport(tally, {1, {}}) ==
      R"({"database":null,"type":"string","keys":1,"bytes":5,"largest":[{"key":"b","bytes":5,"slot":7,"node":"n:1"}]})"
      "\n"
      R"({"database":0,"type":"string","keys":1,"bytes":10,"largest":[{"key":"a","bytes":10,"slot":7,"node":"n:1"}]})"
      "\n"
      R"({"masters":1,"keys":2,"bytes":15,"missing":[]})"
      "\n");
}

TEST_CASE("bigkeys: names cannot command a terminal, and are cut", "[bigkeys]") {
  Tally tally(2);
  tally.add(0, "string", key("a\x1b[2J\n\\", 10));
  tally.add(0, "string", key(std::string(200, 'x'), 5));
  const std::string text = textReport(tally, {1, {}});
  CHECK(text.find("a\\x1b[2J\\x0a\\x5c  (") != std::string::npos);
  CHECK(text.find("  " + std::string(100, 'x') + "...  (") != std::string::npos);
}

}  // namespace slotless::bigkeys
