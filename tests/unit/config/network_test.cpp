// Addresses and blocks of them, and who is in them.
#include "config/network.h"

#include "loading.h"

using namespace slotless::config;

TEST_CASE("Networks are read and written in their shortest form") {
  const char* text = GENERATE("10.0.0.7", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.4/30", "::1", "fd00::/8", "::/0",
                              "2001:db8::/33");
  INFO(text);
  const auto parsed = parseNetwork(text);
  REQUIRE(parsed.value);
  CHECK(formatNetwork(*parsed.value) == text);
}

TEST_CASE("What is no network is refused with a reason") {
  struct Case {
    const char* text;
    const char* reason;
  };
  const auto& c = GENERATE(values<Case>({
      {"", "it does not begin with an address"},
      {"localhost", "it does not begin with an address"},
      {"10.0.0/8", "it does not begin with an address"},
      {"fe80::1%eth0", "it does not begin with an address"},
      {"10.0.0.0/", "after the / there must be a number from 0 to 32"},
      {"10.0.0.0/33", "after the / there must be a number from 0 to 32"},
      {"10.0.0.0/-1", "after the / there must be a number from 0 to 32"},
      {"::/129", "after the / there must be a number from 0 to 128"},
      {"10.0.0.7/8", "its address has bits beyond the first 8"},
      {"fd00::1/64", "its address has bits beyond the first 64"},
  }));
  INFO(c.text);
  const auto parsed = parseNetwork(c.text);
  CHECK_FALSE(parsed.value);
  CHECK(parsed.reason == c.reason);
}

TEST_CASE("An address is in a network if it begins with the same bits") {
  struct Case {
    const char* network;
    const char* address;
    bool isIn;
  };
  const auto& c = GENERATE(values<Case>({
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"10.0.0.4/30", "10.0.0.7", true},
      {"10.0.0.4/30", "10.0.0.8", false},
      {"10.0.0.7", "10.0.0.7", true},
      {"10.0.0.7", "10.0.0.6", false},
      {"0.0.0.0/0", "1.2.3.4", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "fd00::1", true},
      {"fd00::/8", "fdff::1", true},
      {"fd00::/8", "fe00::1", false},
      {"10.0.0.0/8", "::ffff:10.1.1.1", true},  // as a socket for both families tells of IPv4
      {"fe80::/10", "fe80::1%eth0", true},
  }));
  INFO(c.network << " " << c.address);
  const auto address = ipBytes(c.address);
  REQUIRE(address);
  CHECK(contains(*parseNetwork(c.network).value, *address) == c.isIn);
  CHECK_FALSE(ipBytes("/run/slotless.sock"));
}

TEST_CASE("Lists of networks can be set in all sources, and for one listener") {
  const std::vector<Network> expected{*parseNetwork("10.0.0.0/8").value, *parseNetwork("::1").value};
  CHECK(withArguments({"--allow=10.0.0.0/8,::1"}).config().allow == expected);
  CHECK(withArguments({"--deny=10.0.0.0/8", "--deny=::1"}).config().deny == expected);
  CHECK(withFile("allow: [10.0.0.0/8, \"::1\"]\n").config().allow == expected);
  const Config config =
      withArguments({"--listen=127.0.0.1:1?allow=10.0.0.0/8+::1&deny=10.0.0.7,127.0.0.1:2"}).config();
  REQUIRE(config.listen.size() == 2);
  CHECK(config.listen[0].options.allow == expected);
  CHECK(config.listen[0].options.deny == std::vector<Network>{*parseNetwork("10.0.0.7").value});
  const auto errors = withArguments({"--allow=10.0.0.0/8,nowhere"}).errors();
  REQUIRE(errors.size() == 1);
  CHECK(contains(errors.front(), "\"nowhere\": it does not begin with an address"));
}
