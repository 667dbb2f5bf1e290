// As whom the proxy comes to the nodes, and what clients must present: both may change while it serves.
#include <utility>

#include "proxy/server/server.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

credentials::SourceSettings Server::sourceSettings() const {
  return {{config_->username, config_->password}, config_->passwordCommand, config_->passwordCommandTimeout};
}

void Server::startCredentials(std::uint32_t randomSeed) {
  credentials_ = std::make_unique<credentials::CredentialSource>(
      loop_,
      [this](const std::vector<std::string>& words, net::Millis patience, net::ProgramRun::Told told,
             std::string& error) {
        return net::ProgramRun::start(loop_, words, patience, std::move(told), error);
      },
      [this] { onCredentials(); }, randomSeed, passwordCommand_);
  credentials_->setSettings(sourceSettings());
  watchPasswordFiles();
}

// The cluster is asked nothing before there are any: it would refuse to answer.
void Server::onCredentials() {
  for (const auto& worker : workers_)
    worker->post([changed = access()](worker::Worker& w) { w.setAccess(changed); });
  tellDiscovery();
}

upstream::Access Server::access() {
  upstream::Access known;
  if (credentials_ != nullptr && credentials_->known()) known = credentials_->access();
  known.clientName = config_->linkClientName;
  known.denials = &denials();
  known.tls = tlsForNodes();
  return known;
}

std::optional<telemetry::PasswordCommandFacts> Server::passwordCommandFacts() const {
  if (config()->passwordCommand.empty()) return std::nullopt;
  telemetry::PasswordCommandFacts facts{passwordCommand_.runs, passwordCommand_.failures, std::nullopt};
  const net::TimePoint expiresAt = passwordCommand_.expiresAt;
  if (expiresAt != net::TimePoint{})
    facts.expiresIn = std::chrono::duration_cast<std::chrono::milliseconds>(expiresAt - loop_.now());
  return facts;
}

void Server::watchPasswordFiles() {
  const auto watch = [this](std::unique_ptr<PasswordFile>& file, std::string_view option,
                            std::string config::Config::*path, std::string config::Config::*password) {
    const std::string& wanted = (*config_).*path;
    if (file != nullptr && file->path() == wanted) return;
    file.reset();
    if (wanted.empty()) return;
    file = std::make_unique<PasswordFile>(
        loop_, wanted, option, [this, option = std::string(option), password](const std::string& found) {
          onPassword(option, password, found);
        });
  };
  watch(passwordFile_, "password-file", &config::Config::passwordFile, &config::Config::password);
  watch(clientPasswordFile_, "client-password-file", &config::Config::clientPasswordFile,
        &config::Config::clientPassword);
}

void Server::onPassword(const std::string& option, std::string config::Config::*password,
                        const std::string& found) {
  if (stopping_.load() || loaded_.*password == found) return;
  log::always(log::Level::Info, "password changed", {{"option", option}});
  config::Config changed = loaded_;
  changed.*password = found;
  apply(std::move(changed));
}

}  // namespace slotless::server
