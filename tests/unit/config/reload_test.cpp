#include "config/reload.h"

#include <set>

#include "config/cross_checks.h"
#include "loading.h"

using namespace slotless::config;

namespace {

Config base() {
  Config config;
  config.clusterNodes = {{"a", 1}};
  config.workers = 2;
  return config;
}

struct Alter {
  Config& config;
  void operator()(std::vector<Endpoint> Config::*member) const {
    (config.*member).push_back({"127.0.0.9", 9});
  }
  void operator()(std::vector<Listener> Config::*member) const {
    (config.*member).front().options.defaultDatabase = 1;
  }
  void operator()(std::optional<AdminAddress> Config::*member) const {
    config.*member = AdminAddress{{"127.0.0.9", 10}};
  }
  void operator()(std::vector<std::string> Config::*member) const { (config.*member).emplace_back("x=y"); }
  void operator()(std::string Config::*member) const { config.*member += "x"; }
  void operator()(std::uint64_t Config::*member) const { config.*member += 1; }
  void operator()(Milliseconds Config::*member) const { config.*member += Milliseconds(1); }
  void operator()(bool Config::*member) const { config.*member = !(config.*member); }
  template <class Choice>
  void operator()(Choice Config::*member) const {
    config.*member = static_cast<Choice>(config.*member == Choice{} ? 1 : 0);
  }
};

// Another valid value.
void alter(const Option& option, Config& config) {
  if (option.name.ends_with("-protocols")) {
    config.*std::get<std::string Config::*>(option.member) = "TLSv1.3";
    return;
  }
  std::visit(Alter{config}, option.member);
}

// In which the option may have another value.
Config baseFor(const Option& option) {
  Config config = base();
  if (option.name == "username") config.password = "pw";
  if (option.name == "password-command") config.clientPassword = "pw";
  if (option.name.starts_with("cluster-tls-")) {
    config.clusterTls = true;
    config.clusterTlsCertFile = config.clusterTlsKeyFile = "file";
  }
  if (option.name == "proxy-protocol") config.proxyProtocolTrusted.resize(1);
  if (option.name == "proxy-protocol") config.password = "pw";
  if (option.name == "shadow-sample") {
    config.upstream = Upstream::Migrating;
    config.server = {{"b", 1}};
  }
  if (option.name == "trace-endpoint") config.traceEndpoint = "http://collector:4318/v1/traces";
  if (option.name == "tls-auth-clients-user") config.users = {"user a on"};
  if (option.name.starts_with("tls")) config.tlsCertFile = config.tlsKeyFile = config.tlsCaCertFile = "file";
  return config;
}

}  // namespace

TEST_CASE("these options need a restart, and no others") {
  std::set<std::string> names;
  for (const Option& option : schema()) {
    if (!option.isReloadable()) names.insert(std::string(option.name));
  }
  CHECK(names == std::set<std::string>{"databases",        "database-layout",
                                       "default-database", "database-map",
                                       "listen",           "admin-listen",
                                       "pid-file",         "tcp-backlog",
                                       "unix-socket-mode", "protected-mode",
                                       "workers",          "cluster-tls",
                                       "core-dumps",       "tls",
                                       "links-warm-up",    "upstream",
                                       "server",           "server-username",
                                       "server-password",  "server-tls",
                                       "sentinel-name"});
}

TEST_CASE("a reload takes over each reloadable option and names each of the others") {
  for (const Option& option : schema()) {
    INFO(option.name);
    const Config inForce = baseFor(option);
    Config loaded = inForce;
    alter(option, loaded);
    const Reload reload = planReload(inForce, loaded);
    CHECK(reload.errors.empty());
    const auto& named = option.isReloadable() ? reload.changes : reload.needRestart;
    REQUIRE(named.size() == 1);
    CHECK(named[0].option == &option);
    CHECK(reload.changes.size() + reload.needRestart.size() == 1);
    CHECK((reload.config == (option.isReloadable() ? loaded : inForce)));
    if (!option.isSecret()) CHECK(named[0].before != named[0].after);
  }
}

TEST_CASE("a reload without changes changes nothing") {
  const Reload reload = planReload(base(), base());
  CHECK(reload.changes.empty());
  CHECK(reload.needRestart.empty());
  CHECK((reload.config == base()));
}

TEST_CASE("a reload shows old and new values as they are written, but no secret") {
  Config inForce = base();
  inForce.password = "hunter2";
  Config loaded = inForce;
  loaded.password = "hunter3";
  loaded.holdTimeout = Milliseconds(2500);
  const Reload reload = planReload(inForce, loaded);
  REQUIRE(reload.changes.size() == 2);
  CHECK(reload.changes[0].before == "(set, not shown)");
  CHECK(reload.changes[0].after == "(set, not shown)");
  CHECK(reload.changes[1].before == "15s");
  CHECK(reload.changes[1].after == "2500ms");
  loaded.password.clear();
  CHECK(planReload(inForce, loaded).changes[0].after == "(not set)");
}

TEST_CASE("new values that are only safe together with others that need a restart are refused, all of them") {
  Config inForce = base();
  inForce.listen = {{{"", 7379}}};
  inForce.password = "pw";
  Config loaded = base();
  loaded.holdTimeout = Milliseconds(1);
  REQUIRE(conflicts(inForce).empty());
  REQUIRE(conflicts(loaded).empty());
  const Reload reload = planReload(inForce, loaded);
  REQUIRE(reload.errors.size() == 1);
  CHECK(contains(reload.errors[0].text(),
                 "together with values that need a restart: listen: found \"*:7379\""));
  CHECK(reload.changes.empty());
  CHECK((reload.config == inForce));
}
