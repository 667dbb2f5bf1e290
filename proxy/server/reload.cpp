// SIGHUP: the configuration is read again, and what can change without a restart does, all of it or nothing.
#include "config/reload.h"
#include "config/cross_checks.h"
#include "config/upstream.h"
#include "config/value.h"

#include <unistd.h>

#include <utility>
#include <variant>

#include "proxy/server/endpoints.h"
#include "proxy/server/server.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

namespace {

// Longer than what was said to the workers before a configuration as a whole is on its way.
constexpr std::chrono::seconds kReplacementsCross{10};

void refuse(const config::Errors& errors) {
  for (const config::Error& error : errors)
    log::always(log::Level::Error, "configuration error", {{"error", error.text()}});
  log::error("configuration not reloaded, everything stays as it was", {{"errors", errors.size()}});
}

}  // namespace

void Server::reload() {
  if (stopping_.load()) return;
  if (reading_ != nullptr) {
    readAgain_ = true;  // the reading under way may have come too early for the change
    return;
  }
  reading_ = std::make_unique<Reading>(loop_, reader_, [this](const config::LoadResult& loaded) {
    reading_.reset();
    onRead(loaded);
    if (std::exchange(readAgain_, false)) reload();
  });
}

void Server::onRead(const config::LoadResult& loaded) {
  if (stopping_.load()) return;
  const auto refuseAll = [this](const config::Errors& errors) {
    chronicle_.note("reload", observe::Weight::Warning,
                    "The configuration was not taken over: " + errors.front().text());
    refuse(errors);
  };
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) return refuseAll(*errors);
  const auto* fresh = std::get_if<config::Config>(&loaded);
  if (fresh == nullptr) return;  // no process that serves was asked for a text
  config::Reload plan = config::planReload(loaded_, *fresh);
  if (!plan.errors.empty()) return refuseAll(plan.errors);
  if (!plan.changes.empty()) apply(std::move(plan.config));
  takeOrigins(plan.needRestart);
  // What was loaded may be older than what a watch has read.
  passwordFile_.reset();
  clientPasswordFile_.reset();
  watchPasswordFiles();
  credentials_->askAgain();
  certificates_.reload(std::make_shared<const config::Config>(config::forBothSides(loaded_)));
  for (const config::Change& change : plan.changes) {
    log::always(log::Level::Info, "option changed",
                {{"option", change.option->name}, {"from", change.before}, {"to", change.after}});
  }
  for (const config::Change& change : plan.needRestart) {
    log::always(log::Level::Warn, "option needs a restart",
                {{"option", change.option->name}, {"in_force", change.before}, {"found", change.after}});
  }
  chronicle_.note("reload", observe::Weight::Note,
                  "The configuration was read anew: " + std::to_string(plan.changes.size()) +
                      " options changed, " + std::to_string(plan.needRestart.size()) + " need a restart");
  log::info("configuration reloaded",
            {{"changed", plan.changes.size()}, {"need_restart", plan.needRestart.size()}});
}

// CONFIG SET of what is the proxy's own. A contradiction to a reload that has come between is left out.
void Server::keepOptions(const session::SettingPairs& options) {
  loop_.post([this, options] {
    if (stopping_.load()) return;
    config::Config changed = loaded_;
    for (const auto& [name, value] : options) {
      const config::Option* option = config::findOption(name);
      if (option == nullptr || config::assign(*option, value, config::Assign::Replace, changed)) return;
      const std::string_view shown = option->isSecret() ? "(not shown)" : std::string_view(value);
      log::always(log::Level::Info, "option changed by CONFIG SET", {{"option", name}, {"to", shown}});
    }
    if (!config::conflicts(changed).empty()) return;
    {
      const std::lock_guard guard(sharedMutex_);
      for (const auto& [name, value] : options)
        origins_[config::findOption(name)->name] = {config::Layer::CommandLine, "CONFIG SET"};
    }
    adopt(std::move(changed));
    // The workers have them already. This whole configuration may lack what a CONFIG SET of a moment ago has
    // given them, so they get it only if another one may have taken from them what this one gave.
    if (loop_.now() - appliedAt_ < kReplacementsCross) tellWorkersConfig();
  });
}

void Server::apply(config::Config config) {
  appliedAt_ = loop_.now();
  adopt(std::move(config));
  tellWorkersConfig();
}

void Server::tellWorkersConfig() {
  for (const auto& worker : workers_) worker->setConfig(config_);
}

// By all but the workers.
void Server::adopt(config::Config config) {
  loaded_ = config;
  if (sideRecord_.configured != nullptr) sideRecord_.configured(loaded_);
  config = onThisSide(std::move(config));
  // Where the option has not changed, what CONFIG SET loglevel has said stays.
  const bool otherLevel = config.logLevel != config_->logLevel;
  {
    const std::lock_guard guard(sharedMutex_);
    config_ = std::make_shared<const config::Config>(std::move(config));
  }
  tuneListeners();
  if (otherLevel) log::setLevel(static_cast<log::Level>(config_->logLevel));
  log::setFormat(static_cast<log::Format>(config_->logFormat));
  if (credentials_->known()) tellDiscovery();
  watchPasswordFiles();
  credentials_->setSettings(sourceSettings());
}

// The first time, with what the refresher was waiting for.
void Server::tellDiscovery() {
  cluster_.loop().post([this, learn = learnSettings(), carry = carrierSettings(), count = counterSettings(),
                        survey = surveySettings(), refresh = refreshSettings(*config_)] {
    learner_->setSettings(learn);
    carrier_->setSettings(carry);
    if (counter_ != nullptr) counter_->setSettings(count);
    if (survey_ != nullptr) survey_->setSettings(survey);
    if (refresher_ == nullptr) return startRefresher(refresh);
    refresher_->setSettings(refresh);
  });
}

discovery::RefreshSettings Server::refreshSettings(const config::Config& config) {
  discovery::RefreshSettings settings;
  const bool oneServer = config::servesOneServer(config);
  for (const config::Endpoint& endpoint : oneServer ? config.server : config.clusterNodes)
    settings.seeds.push_back(addressOf(endpoint));
  if (oneServer) settings.sentinelName = config.sentinelName;
  std::vector<cluster::AddressRule> rules;
  for (const config::AddressRule& rule : config.addressMap)
    rules.push_back({addressOf(rule.from), addressOf(rule.to)});
  settings.addressMap = cluster::AddressMap(std::move(rules));
  settings.access = access();
  settings.interval = config.topologyRefreshInterval;
  settings.minInterval = config.topologyMinInterval;
  settings.queryTimeout = config.connectTimeout;
  return settings;
}

discovery::LearnSettings Server::learnSettings() {
  discovery::LearnSettings settings;
  settings.access = access();
  settings.queryTimeout = config_->connectTimeout;
  return settings;
}

discovery::CarrierSettings Server::carrierSettings() {
  discovery::CarrierSettings settings;
  settings.access = access();
  settings.queryTimeout = config_->connectTimeout;
  return settings;
}

}  // namespace slotless::server
