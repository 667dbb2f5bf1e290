#include "config/endpoint.h"

#include "catch.h"

using namespace slotless::config;

TEST_CASE("Addresses name a host and a port") {
  struct Case {
    std::string text;
    Endpoint endpoint;
  };
  const auto& c =
      GENERATE(values<Case>({{"10.0.0.1:6379", {"10.0.0.1", 6379}},
                             {"redis-0.redis_headless.svc:65535", {"redis-0.redis_headless.svc", 65535}},
                             {"[::1]:6379", {"::1", 6379}},
                             {"[fe80::1%eth0]:1", {"fe80::1%eth0", 1}},
                             {"[::ffff:127.0.0.1]:1", {"::ffff:127.0.0.1", 1}}}));
  INFO(c.text);
  CHECK(parseNode(c.text).value == c.endpoint);
  CHECK(parseListener(c.text).value == c.endpoint);
  CHECK(formatEndpoint(c.endpoint) == c.text);
}

TEST_CASE("A listener may leave out its host, and let the system choose its port") {
  CHECK(parseListener(":7379").value == Endpoint{"", 7379});
  CHECK(parseListener("*:7379").value == Endpoint{"", 7379});
  CHECK(parseListener("127.0.0.1:0").value == Endpoint{"127.0.0.1", 0});
  CHECK(formatEndpoint({"", 7379}) == "*:7379");
}

TEST_CASE("Clients may be accepted on a Unix socket, nodes and admin pages not") {
  const Endpoint endpoint{"", 0, "/run/slotless.sock"};
  CHECK(parseClientAddress("unix:/run/slotless.sock").value == endpoint);
  CHECK(formatEndpoint(endpoint) == "unix:/run/slotless.sock");
  CHECK(isLoopback(endpoint));
  CHECK(parseClientAddress(":1").value == Endpoint{"", 1});
  CHECK_FALSE(parseNode("unix:/run/slotless.sock").value);
  CHECK(parseListener("unix:/run/slotless.sock").reason == "a Unix socket cannot be used here");
  for (const auto* text : {"unix:", "unix:relative.sock", "unix:/run/"}) {
    INFO(text);
    CHECK(parseClientAddress(text).reason == "a Unix socket needs a full path, as in unix:/run/x.sock");
  }
  CHECK(parseClientAddress("unix:/" + std::string(106, 'x')).value);
  CHECK(parseClientAddress("unix:/" + std::string(107, 'x')).reason == "the path is longer than 107 bytes");
}

TEST_CASE("The first listener of either kind is found wherever it stands") {
  Config config;
  CHECK(firstTcpListener(config)->port == 7379);
  CHECK(firstUnixListener(config) == nullptr);
  config.listen = {{{"", 0, "/a"}}, {{"h", 1}}, {{"h", 2}}, {{"", 0, "/b"}}};
  CHECK(firstTcpListener(config)->port == 1);
  CHECK(firstUnixListener(config)->path == "/a");
}

TEST_CASE("What is wrong with an address is said") {
  struct Case {
    std::string text;
    std::string reason;
  };
  const std::string port = "the port is not a number from 1 to 65535";
  const std::string url = "a URL is not an address: leave out the scheme and the credentials";
  const auto& c =
      GENERATE_COPY(values<Case>({{"redis", "the port is missing"},
                                  {"", "the port is missing"},
                                  {"redis:", port},
                                  {"redis:0", port},
                                  {"redis:65536", port},
                                  {"redis:-1", port},
                                  {"redis:6379x", port},
                                  {":6379", "the host is missing"},
                                  {"[]:6379", "the host is missing"},
                                  {"*:6379", "the host name has a character that is not allowed"},
                                  {"re dis:6379", "the host name has a character that is not allowed"},
                                  {"::1:6379", "an IPv6 address needs brackets, as in [::1]:6379"},
                                  {"[::1:6379", "the bracket is not closed"},
                                  {"[::1]", "the port is missing"},
                                  {"[::1]6379", "the port is missing"},
                                  {"[::g]:6379", "the IPv6 address is not valid"},
                                  {"[redis]:6379", "the IPv6 address is not valid"},
                                  {"10.0.0.256:6379", "the IPv4 address is not valid"},
                                  {"10.0.1:6379", "the IPv4 address is not valid"},
                                  {std::string(254, 'a') + ":1", "the host name is too long"},
                                  {"redis://redis:6379", url},
                                  {"me:secret@redis:6379", url}}));
  INFO(c.text);
  CHECK_FALSE(parseNode(c.text).value);
  CHECK(parseNode(c.text).reason == c.reason);
}

TEST_CASE("Only addresses that cannot be reached from elsewhere are loopback") {
  for (const auto* host : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "localhost"}) {
    INFO(host);
    CHECK(isLoopback({host, 1}));
  }
  for (const auto* host :
       {"", "0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::ffff:10.0.0.1", "127.example.com", "redis"}) {
    INFO(host);
    CHECK_FALSE(isLoopback({host, 1}));
  }
}
