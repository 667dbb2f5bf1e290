#include "config/value.h"

#include "catch.h"

using namespace slotless::config;

namespace {

std::string problemOf(std::string_view option, std::string_view text) {
  Config config;
  return assign(*findOption(option), text, Assign::Replace, config).value_or("");
}

Config with(std::string_view option, std::string_view text) {
  Config config;
  INFO(option << " " << text);
  REQUIRE_FALSE(assign(*findOption(option), text, Assign::Replace, config));
  return config;
}

}  // namespace

TEST_CASE("Each type of value is read into its member") {
  CHECK(with("cluster-nodes", "a:1, [::1]:2").clusterNodes == std::vector<Endpoint>{{"a", 1}, {"::1", 2}});
  CHECK(with("listen", ":1,127.0.0.1:2").listen == std::vector<Listener>{{{"", 1}}, {{"127.0.0.1", 2}}});
  CHECK(with("admin-listen", ":1").adminListen == AdminAddress{{"", 1}});
  CHECK(with("admin-listen", "h:1?tls=yes&tls-auth-clients=no").adminListen ==
        AdminAddress{{"h", 1}, {true, TlsAuthClients::No}});
  CHECK_FALSE(with("admin-listen", "off").adminListen);
  CHECK(with("username", "slötless").username == "slötless");
  CHECK(with("password", " a,b \"c\" ").password == " a,b \"c\" ");
  CHECK(with("link-client-name", "").linkClientName.empty());
  CHECK(with("workers", "3").workers == 3);
  CHECK(with("workers", "AUTO").workers == 0);
  CHECK(with("max-clients", " 7 ").maxClients == 7);
  CHECK(with("hold-max-bytes", "2mb").holdMaxBytes == 2 * kMiB);
  CHECK(with("hold-timeout", "1500ms").holdTimeout == Milliseconds(1500));
  CHECK(with("client-auth", "none").clientAuth == ClientAuth::None);
  CHECK(with("client-auth", "passthrough").passesThrough());
  CHECK(with("cross-slot", "Error").crossSlot == CrossSlot::Error);
  CHECK(with("ready-when", "any").readyWhen == ReadyWhen::Any);
  CHECK(with("log-level", "trace").logLevel == LogLevel::Trace);
  CHECK(with("log-level", "error").logLevel == LogLevel::Error);
}

TEST_CASE("Switches have three spellings each, in any case") {
  for (const auto* text : {"yes", "true", "on", "Yes", "TRUE"}) {
    INFO(text);
    CHECK(with("strict-order", text).strictOrder);
  }
  for (const auto* text : {"no", "false", "off", "No", "OFF"}) {
    INFO(text);
    CHECK_FALSE(with("protected-mode", text).protectedMode);
  }
}

TEST_CASE("A wrong value is answered with what was found and what is allowed") {
  struct Case {
    std::string option;
    std::string text;
    std::string problem;
  };
  const auto& c = GENERATE(values<Case>({
      {"strict-order", "1", "found \"1\"; allowed: yes or no"},
      {"strict-order", "", "found nothing; allowed: yes or no"},
      {"log-level", "loud", "found \"loud\"; allowed: trace, debug, info, warn or error"},
      {"client-auth", "all", "found \"all\"; allowed: same, none or passthrough"},
      {"workers", "0", "found \"0\" (out of range); allowed: auto or 1 to 256"},
      {"workers", "257", "found \"257\" (out of range); allowed: auto or 1 to 256"},
      {"max-clients", "many", "found \"many\"; allowed: a number, 1 to 1000000"},
      {"hold-max-requests", "-1", "found \"-1\"; allowed: a number, 0 (not at all) or 1 to 10000000"},
      {"proto-max-bulk-len", "1k",
       "found \"1k\" (out of range); allowed: a size such as 65536, 64kb or 1gb: 1mb to 64gb"},
      {"hold-timeout", "15",
       "found \"15\" (the unit is missing); allowed: a duration with its unit, such as 500ms, 15s, 2m or 1h: "
       "0 (not at all) or 1ms to 1h"},
      {"connect-timeout", "0",
       "found \"0\" (out of range); allowed: a duration with its unit, such as 500ms, 15s, 2m or 1h: 10ms to "
       "5m"},
      {"cluster-nodes", "a:1,b",
       "found \"a:1,b\" (\"b\": the port is missing); allowed: host:port or [IPv6]:port, separated by "
       "commas"},
      {"cluster-nodes", "a:1,,b:2",
       "found \"a:1,,b:2\" (an entry is empty); allowed: host:port or [IPv6]:port, separated by commas"},
      {"cluster-nodes", "b",
       "found \"b\" (the port is missing); allowed: host:port or [IPv6]:port, separated by commas"},
      {"listen", "",
       "found nothing; allowed: host:port, [IPv6]:port, :port for all local addresses, or unix:/path, "
       "separated by commas; each may be followed by "
       "?OPTION=VALUE&..., for its clients "
       "alone"},
      {"admin-listen", "no",
       "found \"no\" (the port is missing); allowed: host:port, [IPv6]:port, :port for all local addresses, "
       "or off; may be followed by ?tls=VALUE&tls-auth-clients=VALUE"},
      {"username", "a b",
       "found \"a b\" (it has a space or a control character); allowed: up to 512 characters without spaces"},
      {"link-client-name", "ö",
       "found \"ö\" (it has a character that is not allowed); allowed: up to 128 printable "
       "ASCII characters without spaces"},
      {"password-file", "a\nb",
       "found \"a\\x0ab\" (it has more than one line); allowed: up to 4096 characters in one line"},
  }));
  INFO(c.option);
  CHECK(problemOf(c.option, c.text) == c.problem);
}

TEST_CASE("A wrong value leaves the configuration as it was") {
  Config config;
  for (const auto& option : schema()) {
    if (option.isSecret() || std::holds_alternative<std::string Config::*>(option.member)) continue;
    INFO(option.name);
    CHECK(assign(option, "\x01", Assign::Replace, config));
  }
  CHECK(config == Config{});
}

TEST_CASE("A secret and what may hold one are not shown in an error") {
  for (const auto* option : {"cluster-nodes", "listen", "admin-listen"}) {
    for (const auto* text : {"redis://me:hunter2@a:1", "me:hunter2@a:1", "a:1,redis://:hun,ter2@b:1"}) {
      INFO(option << " " << text);
      const auto problem = problemOf(option, text);
      CHECK(problem.find("hun") == std::string::npos);
      CHECK(problem.find("not shown") != std::string::npos);
    }
  }
  CHECK(problemOf("password", "hunter2\n").find("hunter2") == std::string::npos);
  CHECK(problemOf("password", std::string(5000, 'p')).find("ppp") == std::string::npos);
}

TEST_CASE("Long and unprintable texts are cut and escaped") {
  CHECK(inQuotes("a\"b\\c\x1b\x7f") == R"("a\"b\\c\x1b\x7f")");
  CHECK(inQuotes(std::string(81, 'x')) == "\"" + std::string(80, 'x') + "\"...");
  CHECK(inQuotes(std::string(80, 'x')) == "\"" + std::string(80, 'x') + "\"");
}

TEST_CASE("Every default is valid and is read back from its own text") {
  const Config defaults;
  for (const auto& option : schema()) {
    const auto text = format(option, defaults);
    INFO(option.name << " " << text);
    if (option.name == "cluster-nodes") {
      CHECK(text.empty());
      continue;
    }
    Config config;
    CHECK_FALSE(assign(option, text, Assign::Replace, config));
    CHECK(config == defaults);
  }
}
