// What CLIENT TRACKING was told: the options of one command, and the mode that a client is in after several.
// Errors: Redis's lines, without '-' and CRLF. Source: redis.io/commands/client-tracking; texts and their
// order compared with Redis 7.0.15 (tests/integration/tracking.py).
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"

namespace slotless::session {

// Of one client. Each is compared with each other one, here and on every master.
inline constexpr std::size_t kMostPrefixes = 1000;
inline constexpr std::size_t kLongestPrefix = std::size_t{64} * 1024;

struct TrackingOptions {
  bool on = false;
  bool broadcast = false;
  bool optIn = false;
  bool optOut = false;
  bool noLoop = false;
  std::optional<std::int64_t> redirect;  // the client that gets the invalidations
  std::vector<std::string> prefixes;
  // What the database's keys begin with in the cluster: the prefixes are of those.
  std::string keyPrefix{};
};

class TrackingMode {
 public:
  bool on() const noexcept { return options_.on; }
  bool broadcast() const noexcept { return options_.broadcast; }
  bool optIn() const noexcept { return options_.optIn; }
  bool optOut() const noexcept { return options_.optOut; }
  bool noLoop() const noexcept { return options_.noLoop; }
  bool redirects() const noexcept { return options_.redirect.has_value(); }
  // 0: its own connection; -1: it is off.
  std::int64_t redirect() const noexcept { return on() ? options_.redirect.value_or(0) : -1; }
  // Broadcast only; the empty one stands for all keys.
  const std::set<std::string, std::less<>>& prefixes() const noexcept { return prefixes_; }

  // nullopt: the options fit, among each other and to this mode.
  std::optional<std::string> objectionTo(const TrackingOptions& wanted) const;
  // Requires that there is no objection. Prefixes add up.
  void turnOn(const TrackingOptions& wanted);
  void turnOff() { *this = {}; }
  // The commands that bring a new connection into this mode; the replies are as many OKs. `ear`: the node's
  // number for the connection that is to get what it pushes; 0: the new one itself.
  std::vector<std::string> commands(std::int64_t ear) const;

 private:
  TrackingOptions options_;  // without prefixes
  std::set<std::string, std::less<>> prefixes_;
  std::set<std::string, std::less<>> nodePrefixes_;  // the same as the nodes know them
};

// `argv`: the whole command. nullopt: `error` says why.
std::optional<TrackingOptions> parseTracking(protocol::Argv argv, std::string& error);
// As nodes know them. The empty one stays empty: it means all keys of all databases.
std::vector<std::string> nodePrefixes(const TrackingOptions& options);
// As bytes of RESP; `prefixes` and `ear` in place of the options' own.
std::string trackingCommand(const TrackingOptions& options, const std::vector<std::string>& prefixes,
                            std::int64_t ear);

}  // namespace slotless::session
