// Address rules: as text, in all sources, and what is wrong with them.
#include "config/address_rule.h"

#include "loading.h"

using namespace slotless::config;

TEST_CASE("An address rule is for one port or for all, and is read back from its text") {
  struct Case {
    const char* text;
    AddressRule rule;
  };
  const auto& c =
      GENERATE(values<Case>({{"10.0.0.1:7000=127.0.0.1:17000", {{"10.0.0.1", 7000}, {"127.0.0.1", 17000}}},
                             {"10.0.0.1=redis.example", {{"10.0.0.1", 0}, {"redis.example", 0}}},
                             {"[fd00::1]=[::1]", {{"fd00::1", 0}, {"::1", 0}}},
                             {"[fd00::1]:7000=[::1]:1", {{"fd00::1", 7000}, {"::1", 1}}},
                             {"a:7000=b", {{"a", 7000}, {"b", 0}}}}));
  INFO(c.text);
  const auto parsed = parseAddressRule(c.text);
  REQUIRE(parsed.value);
  CHECK(*parsed.value == c.rule);
  CHECK(formatAddressRule(*parsed.value) == c.text);
}

TEST_CASE("What is wrong with an address rule is said") {
  struct Case {
    const char* text;
    const char* reason;
  };
  const auto& c = GENERATE(
      values<Case>({{"10.0.0.1", "the = is missing"},
                    {"=b", "before the =: the host is missing"},
                    {"a=", "after the =: the host is missing"},
                    {"a:x=b", "before the =: the port is not a number from 1 to 65535"},
                    {"a=b:0", "after the =: the port is not a number from 1 to 65535"},
                    {"a=b:1", "several nodes cannot be at one address: name the port before the ="},
                    {"::1=b", "before the =: an IPv6 address needs brackets, as in [::1]:6379"},
                    {"redis://a=b", "a URL is not an address: leave out the scheme and the credentials"}}));
  INFO(c.text);
  const auto parsed = parseAddressRule(c.text);
  CHECK_FALSE(parsed.value);
  CHECK(parsed.reason == c.reason);
}
