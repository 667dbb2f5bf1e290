#include "proxy/pubsub/monitor_text.h"

#include <regex>
#include <vector>

#include "catch.h"

namespace slotless::pubsub {

namespace {
std::string shown(const std::vector<std::string_view>& argv) {
  return monitoredArguments(argv);
}
}  // namespace

TEST_CASE("arguments are shown as Redis quotes them", "[monitor]") {
  using namespace std::string_view_literals;
  CHECK(shown({"SeT", "a", "x y"}) == R"( "SeT" "a" "x y")");
  CHECK(shown({"ECHO", "\r\n\t\a\b\"\\\x01\x00\xc3\xa9\x7f~"sv}) ==
        R"( "ECHO" "\r\n\t\a\b\"\\\x01\x00\xc3\xa9\x7f~")");
  CHECK(shown({"ECHO", ""}) == R"( "ECHO" "")");
  CHECK(shown({"auth", "u", "secret"}) == " \"auth\" \"(redacted)\" \"(redacted)\"");
}

TEST_CASE("a line has a time, the database and the address", "[monitor]") {
  std::string out;
  appendMonitorLine(out, monitoredCommand(3, "10.0.0.1:1", R"( "PING")"));
  CHECK(std::regex_match(out, std::regex(R"(\+\d{10}\.\d{6} \[3 10\.0\.0\.1:1\] "PING"\r\n)")));
}

}  // namespace slotless::pubsub
