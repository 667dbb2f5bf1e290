#include "proxy/server/certificates.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "config/listener.h"
#include "config/tls_versions.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

namespace {

constexpr net::Millis kLook{1000};
constexpr std::int64_t kSecondsPerDay = 86400;
// With less left than this the log warns.
constexpr std::int64_t kFewDays = 7;

net::TlsDemands demandsOf(const std::string& protocols, const std::string& ciphers,
                          const std::string& ciphersuites) {
  const auto versions = config::parseTlsVersions(protocols).value_or(config::TlsVersions{});
  net::TlsDemands demands;
  demands.least = versions.tls12 ? net::TlsVersion::Tls12 : net::TlsVersion::Tls13;
  demands.most = versions.tls13 ? net::TlsVersion::Tls13 : net::TlsVersion::Tls12;
  demands.ciphers = ciphers;
  demands.ciphersuites = ciphersuites;
  return demands;
}

net::ClientCertificates clientCertificates(config::TlsAuthClients asked) {
  switch (asked) {
    case config::TlsAuthClients::No: break;
    case config::TlsAuthClients::Optional: return net::ClientCertificates::Optional;
    case config::TlsAuthClients::Yes: return net::ClientCertificates::Required;
  }
  return net::ClientCertificates::None;
}

net::TlsMade makeServing(const config::Config& config, config::TlsAuthClients asked) {
  net::TlsServerOptions options;
  options.certificateFile = config.tlsCertFile;
  options.keyFile = config.tlsKeyFile;
  options.authorityFile = config.tlsCaCertFile;
  options.clientCertificates = clientCertificates(asked);
  options.demands = demandsOf(config.tlsProtocols, config.tlsCiphers, config.tlsCiphersuites);
  return net::makeTlsServer(options);
}

net::TlsMade makeForClients(const config::Config& config) {
  return makeServing(config, config.tlsAuthClients);
}

net::TlsMade makeForAdmin(const config::Config& config) {
  return makeServing(config, config::adminAuthClients(config));
}

std::vector<std::string> servingFiles(const config::Config& config) {
  return {config.tlsCertFile, config.tlsKeyFile, config.tlsCaCertFile};
}

net::TlsMade makeForNodes(const config::Config& config) {
  net::TlsClientOptions options;
  options.authorityFile = config.clusterTlsCaCertFile;
  options.certificateFile = config.clusterTlsCertFile;
  options.keyFile = config.clusterTlsKeyFile;
  switch (config.clusterTlsVerify) {
    case config::ClusterTlsVerify::Name: options.verify = net::TlsVerify::Name; break;
    case config::ClusterTlsVerify::Ca: options.verify = net::TlsVerify::Authority; break;
    case config::ClusterTlsVerify::Off: options.verify = net::TlsVerify::Off; break;
  }
  options.serverName = config.clusterTlsServerName;
  options.demands =
      demandsOf(config.clusterTlsProtocols, config.clusterTlsCiphers, config.clusterTlsCiphersuites);
  return net::makeTlsClient(options);
}

bool servesTls(const config::Config& config) {
  return std::any_of(config.listen.begin(), config.listen.end(),
                     [&](const config::Listener& each) { return config::usesTls(config, each); });
}

std::int64_t daysLeft(std::int64_t expiry) {
  return (expiry - std::time(nullptr)) / kSecondsPerDay;
}

}  // namespace

Certificates::Side Certificates::clients() {
  return {"clients", makeForClients, servingFiles, &config::Config::tlsCertFile};
}

Certificates::Side Certificates::admin() {
  return {"admin", makeForAdmin, servingFiles, &config::Config::tlsCertFile};
}

Certificates::Side Certificates::nodes() {
  return {
      "nodes", makeForNodes,
      [](const config::Config& c) {
        return std::vector<std::string>{c.clusterTlsCertFile, c.clusterTlsKeyFile, c.clusterTlsCaCertFile};
      },
      &config::Config::clusterTlsCertFile};
}

Certificates::~Certificates() {
  stop();
}

std::optional<std::string> Certificates::open(const config::Config& config) {
  config_ = std::make_shared<const config::Config>(config);
  if (servesTls(config)) {
    if (auto error = openSide(clients_, config)) return "cannot serve clients by TLS: " + *error;
  }
  if (config::adminUsesTls(config)) {
    if (auto error = openSide(admin_, config)) return "cannot serve admin pages by TLS: " + *error;
  }
  if (config.clusterTls) {
    if (auto error = openSide(nodes_, config)) return "cannot reach nodes by TLS: " + *error;
  }
  return std::nullopt;
}

std::optional<std::string> Certificates::openSide(Side& side, const config::Config& config) {
  side.watch.begin(side.files(config));
  net::TlsMade made = side.make(config);
  if (made.context == nullptr) return made.error;
  side.source = std::make_shared<net::TlsSource>(std::move(made.context));
  note(side, config);
  return std::nullopt;
}

// With the certificate that is in force.
void Certificates::note(Side& side, const config::Config& config) {
  const std::int64_t expiry = net::certificateExpiry(*side.source->current());
  {
    const std::lock_guard guard(mutex_);
    side.file = config.*side.certificate;
    side.expiry = expiry;
  }
  if (expiry != 0 && daysLeft(expiry) < kFewDays) {
    log::always(log::Level::Warn, "certificate ends soon, or has ended",
                {{"for", side.name}, {"file", config.*side.certificate}, {"days_left", daysLeft(expiry)}});
  }
}

void Certificates::start() {
  if (clients_.source == nullptr && admin_.source == nullptr && nodes_.source == nullptr) return;
  thread_ = std::make_unique<LoopThread>("tls-files");
  timer_ = thread_->loop().makeTimer([this] { look(); });
  timer_->start(kLook);
  thread_->start();
}

void Certificates::stop() {
  if (thread_ == nullptr) return;
  thread_->stop();
  timer_.reset();
  thread_.reset();
}

void Certificates::reload(std::shared_ptr<const config::Config> config) {
  if (thread_ == nullptr) return;
  thread_->loop().post([this, config = std::move(config)] {
    config_ = config;
    for (Side* side : {&clients_, &admin_, &nodes_}) {
      if (side->source == nullptr) continue;
      side->watch.begin(side->files(*config_));
      renew(*side);
    }
  });
}

void Certificates::look() {
  for (Side* side : {&clients_, &admin_, &nodes_}) {
    if (side->source != nullptr && side->watch.look()) renew(*side);
  }
  timer_->start(kLook);
}

void Certificates::renew(Side& side) {
  net::TlsMade made = side.make(*config_);
  if (made.context == nullptr) {
    return log::always(log::Level::Error, "certificates not read anew, those before stay in force",
                       {{"for", side.name}, {"error", made.error}});
  }
  side.source->renew(std::move(made.context));
  note(side, *config_);
  log::always(log::Level::Info, "certificates read anew, for new connections", {{"for", side.name}});
}

std::vector<telemetry::CertificateFacts> Certificates::facts() const {
  const std::lock_guard guard(mutex_);
  std::vector<telemetry::CertificateFacts> facts;
  for (const Side* side : {&clients_, &admin_, &nodes_}) {
    if (side->expiry != 0) facts.push_back({side->name, side->file, side->expiry});
  }
  return facts;
}

}  // namespace slotless::server
