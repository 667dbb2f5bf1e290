// The requests of one worker that took longest, as SLOWLOG shows them: kept while there is room, newest
// first.
//
// The time is from a request's arrival to the end of its reply; of that `upstream` is from its (last) sending
// on. Time that a command blocks does not count. Arguments are cut as Redis cuts them, and secrets are left
// out. Limits: slowlog-log-slower-than and slowlog-max-len of the configuration, until CONFIG SET says
// otherwise.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "protocol/argv.h"
#include "proxy/net/loop.h"

namespace slotless::session {

struct SlowEntry {
  std::uint64_t id = 0;  // increases over all workers
  std::int64_t unixTime = 0;
  net::Micros duration{};
  std::vector<std::string> arguments;
  std::string client;  // address
  std::string clientName;
  std::string node;  // empty: the proxy itself
  net::Micros upstream{};
};

class SlowLog {
 public:
  explicit SlowLog(const config::Config& config) : config_(config) {}

  bool isSlow(net::Micros duration) const noexcept {
    const std::int64_t limit = slowerThanMicros();
    return limit >= 0 && duration.count() >= limit && maxLength() > 0;
  }
  // Fills id, time and arguments of the entry.
  void add(SlowEntry entry, protocol::Argv argv);
  // The newest ones first.
  const std::deque<SlowEntry>& entries() const noexcept { return entries_; }
  void clear() { entries_.clear(); }

  // Microseconds; negative: nothing is slow.
  std::int64_t slowerThanMicros() const noexcept;
  std::size_t maxLength() const noexcept;
  // What CONFIG SET says from now on.
  void setSlowerThanMicros(std::int64_t micros) noexcept { slowerThan_ = micros; }
  void setMaxLength(std::size_t entries) noexcept;

 private:
  const config::Config& config_;
  std::optional<std::int64_t> slowerThan_;
  std::optional<std::size_t> maxLength_;
  std::deque<SlowEntry> entries_;
};

}  // namespace slotless::session
