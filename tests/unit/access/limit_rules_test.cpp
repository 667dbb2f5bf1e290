// The words about limits that Redis does not have.
#include "proxy/access/limit_rules.h"

#include "catch.h"
#include "proxy/access/roster.h"
#include "vocabularies.h"

namespace slotless::test {

TEST_CASE("limits of a user are shown as they are given, and taken back") {
  struct Case {
    const char* word;
    const char* back;
  };
  const auto& c = GENERATE(values<Case>({
      {"listeners=127.0.0.1:6379,unix:/a,*:7379,[::1]:1", "listeners=all"},
      {"max-clients=10", "max-clients=any"},
      {"requests-per-second=100", "requests-per-second=any"},
      {"bytes-per-second=1mb", "bytes-per-second=any"},
      {"in-flight=5", "in-flight=any"},
      {"limit-action=error", "limit-action=any"},
      {"limit-action=delay", "limit-action=any"},
      {"client-idle-timeout=5m", "client-idle-timeout=any"},
  }));
  INFO(c.word);
  access::User user = userOf(std::string("on nopass ~* +@all ") + c.word);
  CHECK(lineOf(user) == std::string("user u on nopass ~* resetchannels +@all ") + c.word);
  CHECK(apply(user, c.back).empty());
  CHECK(user.limits == access::Limits{});
  CHECK(apply(user, c.word).empty());
  CHECK(apply(user, "reset").empty());
  CHECK(user.limits == access::Limits{});
}

TEST_CASE("words about limits that make no sense are refused") {
  const char* word =
      GENERATE("listeners=", "listeners=x", "max-clients=0", "max-clients=-1", "max-clients",
               "requests-per-second=x", "bytes-per-second=1tb", "in-flight=", "limit-action=drop",
               "client-idle-timeout=5", "client-idle-timeout=0s");
  INFO(word);
  CHECK_FALSE(userOf(word).name == "u");
}

TEST_CASE("a user may use the listeners that are named") {
  const config::Endpoint public_{"", 6379};
  const config::Endpoint local{"", 0, "/run/a.sock"};
  CHECK(mayUse(userOf("on"), public_));
  CHECK(mayUse(userOf("listeners=*:6379"), public_));
  CHECK(mayUse(userOf("listeners=:6379"), public_));
  CHECK_FALSE(mayUse(userOf("listeners=127.0.0.1:6379"), public_));
  CHECK_FALSE(mayUse(userOf("listeners=*:6379"), local));
  CHECK(mayUse(userOf("listeners=*:6379,unix:/run/a.sock"), local));
}

TEST_CASE("where users cannot be read at the start, nobody is let in") {
  access::Roster roster;
  const access::Roster::Source broken{true, {"user a on nopass +@all bogus"}, ""};
  CHECK(roster.configure(broken, builtInWords()).size() == 1);
  CHECK(roster.snapshot()->on);
  CHECK(roster.snapshot()->users.empty());
  // And the next try counts.
  CHECK(roster.configure({true, {"user a on nopass"}, "pw"}, builtInWords()).empty());
  CHECK(findUser(roster.snapshot()->users, "a") != nullptr);
  // From then on an error leaves them as they are.
  CHECK_FALSE(roster.configure(broken, builtInWords()).empty());
  CHECK(findUser(roster.snapshot()->users, "a") != nullptr);
  CHECK(findUser(roster.snapshot()->users, "default") != nullptr);
}

}  // namespace slotless::test
