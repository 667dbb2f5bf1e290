// CLIENT TRACKING's options by themselves: what they add up to, and the commands for a new connection.
#include "proxy/tracking/tracking_options.h"

#include <string>
#include <vector>

#include "catch.h"
#include "protocol/encoder.h"

namespace slotless::session {
namespace {

std::string encoded(const std::vector<std::string_view>& words) {
  std::string bytes;
  protocol::appendRequest(bytes, words);
  return bytes;
}

TrackingOptions parsed(const std::vector<std::string_view>& words) {
  std::string error;
  const auto options = parseTracking(words, error);
  INFO(error);
  REQUIRE(options.has_value());
  return *options;
}

TEST_CASE("tracking: a new connection is told the whole mode in one command, whatever led to it") {
  TrackingMode mode;
  mode.turnOn(parsed({"CLIENT", "TRACKING", "on", "optin"}));
  mode.turnOn(parsed({"client", "tracking", "ON", "OPTIN", "noloop"}));
  CHECK(mode.commands(0) ==
        std::vector<std::string>{encoded({"CLIENT", "TRACKING", "ON", "OPTIN", "NOLOOP"})});
  mode.turnOn(parsed({"CLIENT", "TRACKING", "ON"}));
  CHECK(mode.commands(0) == std::vector<std::string>{encoded({"CLIENT", "TRACKING", "ON"})});
}

TEST_CASE("tracking: the empty prefix beside others takes a command of its own") {
  TrackingMode mode;
  mode.turnOn(parsed({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "b", "PREFIX", "a"}));
  const std::string named = encoded({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "PREFIX", "b"});
  CHECK(mode.commands(0) == std::vector<std::string>{named});
  mode.turnOn(parsed({"CLIENT", "TRACKING", "ON", "BCAST"}));
  CHECK(mode.commands(0) == std::vector<std::string>{named, encoded({"CLIENT", "TRACKING", "ON", "BCAST"})});
  CHECK(mode.objectionTo(parsed({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "z"})).has_value());
  CHECK_FALSE(mode.objectionTo(parsed({"CLIENT", "TRACKING", "ON", "BCAST"})).has_value());
}

TEST_CASE("tracking: prefixes are those of the database, and shown as they were said") {
  TrackingMode mode;
  TrackingOptions options = parsed({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "PREFIX", ""});
  options.keyPrefix = "~1{t}";
  CHECK(nodePrefixes(options) == std::vector<std::string>{"~1{t}a", ""});
  mode.turnOn(options);
  mode.turnOn(parsed({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "b"}));
  CHECK(mode.prefixes() == std::set<std::string, std::less<>>{"", "a", "b"});
  CHECK(mode.commands(0) == std::vector<std::string>{encoded({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX",
                                                              "b", "PREFIX", "~1{t}a"}),
                                                     encoded({"CLIENT", "TRACKING", "ON", "BCAST"})});
}

TEST_CASE("tracking: nodes redirect to an ear, whoever the client redirects to") {
  TrackingMode mode;
  mode.turnOn(parsed({"CLIENT", "TRACKING", "ON", "REDIRECT", "12", "NOLOOP"}));
  CHECK(mode.redirects());
  CHECK(mode.redirect() == 12);
  CHECK(mode.commands(7) ==
        std::vector<std::string>{encoded({"CLIENT", "TRACKING", "ON", "NOLOOP", "REDIRECT", "7"})});
  CHECK(mode.commands(0) == std::vector<std::string>{encoded({"CLIENT", "TRACKING", "ON", "NOLOOP"})});
  mode.turnOn(parsed({"CLIENT", "TRACKING", "ON"}));
  CHECK_FALSE(mode.redirects());
  CHECK(mode.redirect() == 0);
  mode.turnOff();
  CHECK(mode.redirect() == -1);
}

TEST_CASE("tracking: turned off, nothing is left of the mode") {
  TrackingMode mode;
  mode.turnOn(parsed({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a"}));
  mode.turnOff();
  CHECK_FALSE(mode.on());
  CHECK(mode.prefixes().empty());
  CHECK_FALSE(mode.objectionTo(parsed({"CLIENT", "TRACKING", "ON", "OPTOUT"})).has_value());
}

TEST_CASE("A prefix has an end") {
  TrackingOptions options = parsed({"CLIENT", "TRACKING", "ON", "BCAST"});
  options.prefixes.emplace_back(kLongestPrefix, 'x');
  CHECK_FALSE(TrackingMode().objectionTo(options).has_value());
  options.prefixes.emplace_back(kLongestPrefix + 1, 'y');
  CHECK(TrackingMode().objectionTo(options) == "ERR A prefix cannot be longer than 65536 bytes");
}

TEST_CASE("One client has a thousand prefixes at most, over all of its commands") {
  TrackingOptions options = parsed({"CLIENT", "TRACKING", "ON", "BCAST"});
  for (std::size_t i = 0; i < kMostPrefixes; ++i) options.prefixes.push_back(std::to_string(10'000 + i));
  TrackingMode mode;
  REQUIRE_FALSE(mode.objectionTo(options).has_value());
  mode.turnOn(options);
  CHECK(mode.objectionTo(parsed({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x"})) ==
        "ERR A client cannot track more than 1000 prefixes");
  options.prefixes.push_back("x");
  CHECK(TrackingMode().objectionTo(options).has_value());
  mode.turnOff();
  CHECK_FALSE(mode.objectionTo(parsed({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x"})).has_value());
}

}  // namespace
}  // namespace slotless::session
