#include "proxy/subcommand/monitor_line.h"

#include "catch.h"
#include "proxy/subcommand/command_watch.h"

using namespace slotless;
using subcommand::parseMonitorLine;

TEST_CASE("a line of MONITOR is a command with its bytes") {
  const auto seen = parseMonitorLine(R"(1339518083.107412 [3 127.0.0.1:60866] "set" "a\"b\\\n" "\x00\xff")");
  REQUIRE(seen);
  CHECK(seen->database == 3);
  CHECK(seen->client == "127.0.0.1:60866");
  CHECK(seen->words == std::vector<std::string>{"set", "a\"b\\\n", std::string("\x00\xff", 2)});
  CHECK(parseMonitorLine(R"(1.1 [0 lua] "get" "k")")->client == "lua");
  CHECK(parseMonitorLine(R"(1.1 [0 unix:/tmp/a b.sock] "get" "k")")->client == "unix:/tmp/a b.sock");
  CHECK_FALSE(parseMonitorLine("OK"));
  CHECK_FALSE(parseMonitorLine(R"(1.1 [x 1:1] "get")"));
  CHECK_FALSE(parseMonitorLine(R"(1.1 [0 1:1] "get)"));
}

TEST_CASE("clients are named by their addresses") {
  const auto names = subcommand::namesOfClients(
      "id=3 addr=127.0.0.1:1 laddr=127.0.0.1:2 name=worker age=1\nid=4 addr=127.0.0.1:3 name= age=1\n\n");
  CHECK(names.at("127.0.0.1:1") == "worker");
  CHECK(names.at("127.0.0.1:3").empty());
  CHECK_FALSE(names.contains("127.0.0.1:2"));
}
