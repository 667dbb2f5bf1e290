// Options of TLS: what they take, and what contradicts what.
#include "config/tls_versions.h"

#include "config/cross_checks.h"
#include "config/listener.h"
#include "loading.h"

using namespace slotless::config;

namespace {

using Texts = std::vector<std::string>;

std::string errorOf(std::vector<std::string> arguments) {
  const Texts errors = withArguments(std::move(arguments)).errors();
  if (errors.empty()) return "";
  return errors.size() == 1 ? errors.front() : "not one error, but " + std::to_string(errors.size());
}

}  // namespace

TEST_CASE("Versions of TLS are those of redis.conf, from 1.2 on") {
  CHECK(parseTlsVersions("") == TlsVersions{true, true});
  CHECK(parseTlsVersions("TLSv1.2") == TlsVersions{true, false});
  CHECK(parseTlsVersions("tlsv1.3") == TlsVersions{false, true});
  CHECK(parseTlsVersions(" TLSv1.3  TLSv1.2 ") == TlsVersions{true, true});
  for (const auto* text : {"TLSv1", "TLSv1.1 TLSv1.2", "1.3", "SSLv3"}) CHECK_FALSE(parseTlsVersions(text));
}

TEST_CASE("TLS that cannot be is refused, and what is missing is said") {
  struct Case {
    Texts arguments;
    std::string error;
  };
  const auto& c = GENERATE(values<Case>({
      {{"--listen=127.0.0.1:1?tls=yes", "--tls-auth-clients=no"},
       "listen: found \"127.0.0.1:1\", which is served by TLS; allowed: together with tls-cert-file and "
       "tls-key-file"},
      {{"--tls=yes", "--tls-auth-clients=no"},
       "which is served by TLS; allowed: together with tls-cert-file and tls-key-file"},
      {{"--tls=yes", "--tls-auth-clients=no", "--tls-cert-file=c"},
       "tls-cert-file: found without tls-key-file; allowed: both, or neither"},
      {{"--tls-key-file=c"}, "tls-key-file: found without tls-cert-file; allowed: both, or neither"},
      {{"--tls=yes", "--tls-cert-file=c", "--tls-key-file=k"},
       "tls-auth-clients: found \"yes\"; allowed: with tls-ca-cert-file, which says whose certificates are "
       "good, or no"},
      {{"--tls=yes", "--tls-cert-file=c", "--tls-key-file=k", "--tls-auth-clients=optional"},
       "tls-auth-clients: found \"optional\"; allowed: with tls-ca-cert-file"},
      {{"--listen=127.0.0.1:1,unix:/a?tls=yes", "--tls-cert-file=c", "--tls-key-file=k",
        "--tls-auth-clients=no"},
       "listen: found \"unix:/a?tls=yes\"; allowed: TLS on addresses, but not on Unix sockets"},
      {{"--tls-protocols=TLSv1.1"},
       "tls-protocols: found \"TLSv1.1\"; allowed: TLSv1.2, TLSv1.3, or both, separated by a space"},
      {{"--cluster-tls-protocols=SSLv3"}, "cluster-tls-protocols: found \"SSLv3\""},
      {{"--cluster-tls=yes", "--cluster-tls-cert-file=c"},
       "cluster-tls-cert-file: found without cluster-tls-key-file; allowed: both, or neither"},
      {{"--cluster-tls-ca-cert-file=c"},
       "cluster-tls-ca-cert-file: found while nodes are reached without TLS; allowed: with cluster-tls yes, or "
       "rediss:// in cluster-nodes"},
      {{"--cluster-tls-server-name=x"}, "cluster-tls-server-name: found while nodes are reached without TLS"},
      {{"--admin-listen=127.0.0.1:2?tls=yes", "--tls-auth-clients=no"},
       "admin-listen: found \"127.0.0.1:2\", which is served by TLS; allowed: together with tls-cert-file and "
       "tls-key-file"},
      {{"--admin-listen=127.0.0.1:2?tls=yes", "--tls-cert-file=c", "--tls-key-file=k"},
       "tls-auth-clients: found \"yes\"; allowed: with tls-ca-cert-file"},
      {{"--admin-listen=127.0.0.1:2?tls=yes&tls-auth-clients=optional", "--tls-cert-file=c",
        "--tls-key-file=k"},
       "admin-listen: found tls-auth-clients \"optional\"; allowed: with tls-ca-cert-file"},
      {{"--admin-listen=127.0.0.1:2?read-from=replica"},
       "(a listener has no option \"read-from\", only tls, tls-auth-clients)"},
      {{"--listen=127.0.0.1:1?tls=maybe"}, "(tls: found \"maybe\"; allowed: yes or no)"},
      {{"--cluster-tls-verify=some"}, "cluster-tls-verify: found \"some\"; allowed: name, ca or off"},
  }));
  const std::string error = errorOf(c.arguments);
  INFO(error);
  CHECK(contains(error, c.error));
}

TEST_CASE("Admin pages are by TLS only if their address says so, and may ask for other certificates") {
  Config config;
  config.tls = true;
  CHECK_FALSE(adminUsesTls(config));
  config.adminListen->options.tls = true;
  CHECK(adminUsesTls(config));
  CHECK(adminAuthClients(config) == TlsAuthClients::Yes);
  config.adminListen->options.tlsAuthClients = TlsAuthClients::No;
  CHECK(adminAuthClients(config) == TlsAuthClients::No);
  CHECK(formatAdminListen(*config.adminListen) == "127.0.0.1:9379?tls=yes&tls-auth-clients=no");
  config.adminListen.reset();
  CHECK_FALSE(adminUsesTls(config));
}

TEST_CASE("Listeners are by TLS as all are, or as they say; Unix sockets only if they say so") {
  Config config;
  const Listener plain{{"h", 1}, {}};
  Listener own{{"h", 1}, {}};
  CHECK_FALSE(usesTls(config, plain));
  own.options.tls = true;
  CHECK(usesTls(config, own));
  config.tls = true;
  CHECK(usesTls(config, plain));
  own.options.tls = false;
  CHECK_FALSE(usesTls(config, own));
  CHECK_FALSE(usesTls(config, {{"", 0, "/a"}, {}}));
  CHECK(formatListen(own) == "h:1?tls=no");
}

TEST_CASE("Nodes that are not verified are a warning") {
  Config config;
  config.clusterTlsVerify = ClusterTlsVerify::Off;
  CHECK(warnings(config).empty());
  config.clusterTls = true;
  REQUIRE(warnings(config).size() == 1);
  CHECK(contains(warnings(config).front(), "cluster-tls-verify is off"));
}
