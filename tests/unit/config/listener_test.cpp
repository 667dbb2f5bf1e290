// Listeners with options of their own: as text, in all sources, and what is wrong with them.
#include "config/listener.h"

#include "config/value.h"
#include "loading.h"

using namespace slotless::config;

namespace {

std::string contained(const std::vector<std::string>& errors, const std::string& part) {
  if (errors.size() != 1) return "not one error, but " + std::to_string(errors.size());
  return errors[0].find(part) == std::string::npos ? errors[0] : part;
}

}  // namespace

TEST_CASE("A listener may have its own read policy, by a TCP address or a Unix socket") {
  struct Case {
    const char* text;
    Endpoint address;
    ReadFrom policy;
  };
  const auto& c =
      GENERATE(values<Case>({{"127.0.0.1:1?read-from=replica", {"127.0.0.1", 1}, ReadFrom::Replica},
                             {"[::1]:2?read-from=prefer-replica", {"::1", 2}, ReadFrom::PreferReplica},
                             {"*:0?read-from=master", {"", 0}, ReadFrom::Master},
                             {"unix:/a?read-from=replica", {"", 0, "/a"}, ReadFrom::Replica}}));
  INFO(c.text);
  const auto parsed = parseListen(c.text);
  REQUIRE(parsed.value);
  CHECK(static_cast<const Endpoint&>(*parsed.value) == c.address);
  CHECK(parsed.value->options.readFrom == c.policy);
  CHECK(formatListen(*parsed.value) == c.text);
}

TEST_CASE("A listener for a job framework") {
  const std::string text = "127.0.0.1:1?default-database=1&database-map=1+3&write-on-lost-link=close";
  const auto parsed = parseListen(text);
  REQUIRE(parsed.value);
  CHECK(parsed.value->options.defaultDatabase == 1);
  CHECK(parsed.value->options.writeOnLostLink == WriteOnLostLink::Close);
  CHECK(formatListen(*parsed.value) == text);
}

TEST_CASE("A listener without options is as all others") {
  CHECK(parseListen("127.0.0.1:1").value == Listener{{"127.0.0.1", 1}, {}});
  CHECK(formatListen({{"127.0.0.1", 1}, {}}) == "127.0.0.1:1");
}

TEST_CASE("Listeners with options can be set in all sources") {
  const std::vector<Listener> expected{{{"127.0.0.1", 1}, {}}, {{"127.0.0.1", 2}, {ReadFrom::Replica}}};
  const std::string list = "127.0.0.1:1,127.0.0.1:2?read-from=REPLICA";
  const std::vector<std::string> nodes{"--cluster-nodes=a:1"};
  CHECK(Loading{{nodes[0], "--listen", list}, {}, {}}.config().listen == expected);
  CHECK(Loading{{nodes[0], "--listen=127.0.0.1:1", "--listen", "127.0.0.1:2?read-from=replica"}, {}, {}}
            .config()
            .listen == expected);
  CHECK(Loading{nodes, {{"SLOTLESS_LISTEN", list}}, {}}.config().listen == expected);
  for (const std::string& yaml :
       {"listen: " + list, std::string("listen: [\"127.0.0.1:1\", \"127.0.0.1:2?read-from=replica\"]"),
        std::string("listen:\n- 127.0.0.1:1\n- 127.0.0.1:2?read-from=replica")}) {
    INFO(yaml);
    CHECK(Loading{{nodes[0], "--config=f"}, {}, {{"f", yaml}}}.config().listen == expected);
  }
}

TEST_CASE("What is wrong with a listener's options gives one error that says it") {
  struct Case {
    const char* text;
    const char* reason;
  };
  const auto& c = GENERATE(values<Case>(
      {{"h:1?read-form=replica", "a listener has no option \"read-form\"; did you mean \"read-from\"?"},
       {"h:1?databases=3",
        "a listener has no option \"databases\", only read-from, default-database, database-map, "
        "write-on-lost-link, cross-slot-transactions, tls, allow, deny, proxy-protocol, proxy-protocol-trusted, deny-commands, "
        "rename-commands, max-clients-per-address, accept-rate-per-address, requests-per-second-per-address, "
        "bytes-per-second-per-address, max-in-flight-per-address, limit-action, client-idle-timeout"},
       {"h:1?read-from=slave", "read-from: found \"slave\"; allowed: master, prefer-replica or replica"},
       {"h:1?read-from=", "read-from: found nothing; allowed: master, prefer-replica or replica"},
       {"h:1?read-from", "read-from has no value"},
       {"h:1?read-from=master&read-from=replica", "read-from is there twice"},
       {"h:1?", "after ? and & there must be an option"},
       {"h:1?read-from=master&", "after ? and & there must be an option"},
       {"h?read-from=master", "the port is missing"}}));
  INFO(c.text);
  CHECK(parseListen(c.text).reason == c.reason);
  const auto errors =
      Loading{{"--cluster-nodes=a:1", "--protected-mode=no", "--listen", c.text}, {}, {}}.errors();
  CHECK(contained(errors, "listen: found \"" + std::string(c.text) + "\" (" + c.reason + ")") ==
        "listen: found \"" + std::string(c.text) + "\" (" + c.reason + ")");
}

TEST_CASE("The same address with other options is still the same address") {
  const auto errors =
      Loading{{"--cluster-nodes=a:1", "--listen=127.0.0.1:1,127.0.0.1:1?read-from=replica"}, {}, {}}.errors();
  CHECK(contained(errors, "found \"127.0.0.1:1\" a second time") == "found \"127.0.0.1:1\" a second time");
}
