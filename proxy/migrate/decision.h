// Which side is in force where upstream is migrating: one key in the cluster, which is changed only by who
// knows what it is. And which processes serve it, so that a cut-over forgets none.
//
//   ~{slotless-migrate}:side      "single" (also while it is not there) or "cluster"; between them
//   "preparing:ID" and, on the
//                                 way back, "returning:ID"
//   ~{slotless-migrate}:proxies   a hash: process -> since when it has been silent, and what it says of
//   itself
//
// A copy of it is as good. Blocking; any thread.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/migrate/announcement.h"
#include "proxy/migrate/journal.h"
#include "proxy/migrate/nodes.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

class Decision {
 public:
  static constexpr std::string_view kKey = "~{slotless-migrate}:side";
  static constexpr std::string_view kProcesses = "~{slotless-migrate}:proxies";

  // As a daemon with this configuration comes to its cluster.
  explicit Decision(const config::Config& config);

  // From `from` to `to` if it is `from`; what it is then. nullopt: see the error.
  std::optional<std::string> change(const std::string& from, const std::string& to, std::string& error) const;
  // What it is. nullopt: see the error.
  std::optional<std::string> look(std::string& error) const;
  // Single or Cluster: a cut-over that is under way fails. nullopt: see the error.
  std::optional<config::Upstream> settle(std::string& error) const;
  struct News {
    std::string side;       // what has been decided
    Journal::Fields run;    // where the migration stands; empty: there is none
    bool isAtWork = false;  // somebody copies
  };
  // That process is there; what is new. nullopt: see the error.
  std::optional<News> announce(const std::string& process, const Announcement& announcement,
                               std::string& error) const;
  void leave(const std::string& process) const;
  // Those that have announced themselves within the last minute.
  struct Process {
    std::string name;
    Announcement announcement;
    std::chrono::seconds silent;
  };
  std::vector<Process> processes(std::string& error) const;
  // As settle(), until the cluster answers.
  config::Upstream find(const std::function<void(const std::string& error)>& complain) const;
  // A replica of the key's master has it, as far as there is one. False: not in that time.
  bool isSafe(std::chrono::milliseconds patience) const;

 private:
  std::optional<subcommand::Reply> ask(std::vector<std::string> words, std::string& error) const;
  std::optional<subcommand::Reply> askOf(Nodes& target, std::vector<std::string> words,
                                         std::string& error) const;

  std::vector<subcommand::ServerUrl> seeds_;
  subcommand::ConnectOptions options_;
  std::vector<config::AddressRule> rules_;
  std::chrono::milliseconds patience_{5000};
};

}  // namespace slotless::migrate
