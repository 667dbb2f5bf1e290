// Which errors say that a server will not do something at all.
#include "protocol/denial.h"

#include <string_view>

#include "catch.h"

namespace slotless::protocol {
namespace {

TEST_CASE("what a server does not know or forbids is a denial, in the words of all versions", "[denial]") {
  for (const std::string_view line : {
           "-NOPERM this user has no permissions to run the 'dbsize' command\r\n",
           "-NOPERM User app has no permissions to run the 'cluster|slots' command\r\n",
           "NOPERM this user has no permissions to run the 'config' command or its subcommand",
           "-ERR unknown command 'EVAL_RO', with args beginning with: 'return 1' '0' \r\n",
           "-ERR unknown command `COMMAND`, with args beginning with: \r\n",
           "-ERR unknown subcommand 'SHARDS'. Try CLUSTER HELP.\r\n",
           "-ERR Unknown subcommand or wrong number of arguments for 'SHARDS'. Try CLUSTER HELP.\r\n",
           "-ERR command is not allowed\r\n",
           "-ERR not allowed\r\n",
       }) {
    INFO(line);
    CHECK(isDenial(line));
    CHECK_FALSE(isDenialInScript(line));
  }
}

TEST_CASE("what a script is not let do is told from a script that is not let in", "[denial]") {
  for (
      const std::string_view line : {
          "-ERR The user executing the script can't run this command or subcommand script: 7e16ed, on "
          "@user_script:1.\r\n",
          "-ERR Error running script (call to f_7e16ed): @user_script:1: The user executing the script can't "
          "run this command or subcommand\r\n",
          "-ERR Unknown Redis command called from script script: fca0f8, on @user_script:1.\r\n",
          "-ERR This Redis command is not allowed from script script: efed7e, on @user_script:1.\r\n",
      }) {
    INFO(line);
    CHECK(isDenial(line));
    CHECK(isDenialInScript(line));
  }
}

TEST_CASE("an error that belongs to the request, or passes, is no denial", "[denial]") {
  for (const std::string_view line : {
           "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
           "-ERR syntax error\r\n",
           "-ERR wrong number of arguments for 'dbsize' command\r\n",
           "-LOADING Redis is loading the dataset in memory\r\n",
           "-CLUSTERDOWN The cluster is down\r\n",
           "-MOVED 1 10.0.0.1:7001\r\n",
           "-NOAUTH Authentication required.\r\n",
           "-NOSCRIPT No matching script. Please use EVAL.\r\n",
           "-WRONGPASS unknown command\r\n",
           "",
       }) {
    INFO(line);
    CHECK_FALSE(isDenial(line));
  }
}

}  // namespace
}  // namespace slotless::protocol
