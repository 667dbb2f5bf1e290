#include "config/secret_arguments.h"

#include <string>
#include <vector>

#include "catch.h"

using slotless::config::hideSecretArguments;

namespace {

std::vector<std::string> shown(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& each : arguments) argv.push_back(each.data());
  hideSecretArguments(static_cast<int>(argv.size()), argv.data());
  return arguments;
}

}  // namespace

TEST_CASE("Secrets on the command line are overwritten, in both forms, and nothing else is") {
  CHECK(shown({"slotless", "--password", "pw1", "--listen", "1.2.3.4:5", "--client-password=pw2", "--users",
               "user a on >b"}) == std::vector<std::string>{"slotless", "--password", "xxx", "--listen",
                                                            "1.2.3.4:5", "--client-password=xxx", "--users",
                                                            "xxxxxxxxxxxx"});
  CHECK(shown({"slotless", "--cluster-nodes", "redis://u:p@a:1"}) ==
        std::vector<std::string>{"slotless", "--cluster-nodes", "xxxxxxxxxxxxxxx"});
  CHECK(shown({"slotless", "--cluster-nodes", "a:1"}).back() == "a:1");
}

TEST_CASE("Odd command lines are left alone") {
  CHECK(shown({"slotless", "--password"}) == std::vector<std::string>{"slotless", "--password"});
  CHECK(shown({"slotless", "", "-", "--", "--=", "--nothing", "x"}).back() == "x");
  CHECK(shown({"--password"}) == std::vector<std::string>{"--password"});
}
