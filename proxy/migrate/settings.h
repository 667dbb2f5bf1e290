// What a migration is told: from where, to where, how; from its own options and those of the daemon.
#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/subcommand/node_client.h"
#include "proxy/subcommand/options.h"

namespace slotless::migrate {

struct Settings {
  std::string action;  // "run"
  subcommand::ServerUrl from;
  subcommand::ConnectOptions fromOptions;
  std::vector<subcommand::ServerUrl> to;
  subcommand::ConnectOptions toOptions;
  config::Config config;  // layouts, address-map
  bool json = false;
  bool once = false;
  bool overwrite = false;
  bool force = false;
  bool oneWay = false;
  std::int64_t bigKeyBytes = 1024 * 1024;
  std::chrono::milliseconds maxLatency{50};
  std::chrono::milliseconds lag{1000};
  std::chrono::milliseconds ttlTolerance{1000};
  std::chrono::milliseconds settle{5000};
  std::size_t parallel = 4;
  std::uint64_t sample = 0;  // keys; 0: all
  std::uint64_t most = 100;  // differences that are printed
  std::chrono::milliseconds monitor{2000};
  std::vector<subcommand::ServerUrl> proxies;  // none: they are found
  // As whom found ones are asked.
  std::string proxyUsername;
  std::string proxyPassword;
  subcommand::ConnectOptions proxyOptions;
  std::chrono::milliseconds maxPause{1000};

  // Of source and layouts: another one is another migration.
  std::string identity() const;
};

struct SettingsResult {
  Settings settings;
  std::string error;
  std::string help;  // not empty: print it, and end
};

SettingsResult readSettings(const subcommand::Arguments& arguments);

}  // namespace slotless::migrate
