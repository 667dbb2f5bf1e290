// The requests of one worker that took longest, as SLOWLOG shows them, and those that were largest or had the
// largest replies (COMMANDLOG): kept while there is room, newest first.
//
// The time is from a request's arrival to the end of its reply; of that `upstream` is from its (last) sending
// on. Time that a command blocks does not count. Sizes are bytes. Arguments are cut as Redis cuts them, and
// secrets are left out. Limits: slowlog-log-slower-than and slowlog-max-len of the configuration, for the
// others those of Valkey, until CONFIG SET says otherwise.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "protocol/argv.h"
#include "proxy/net/loop.h"

namespace slotless::session {

enum class LogKind : std::uint8_t { Slow, LargeRequest, LargeReply };
inline constexpr std::size_t kLogKinds = 3;

struct SlowEntry {
  std::uint64_t id = 0;  // of its kind, increases over all workers
  std::int64_t unixTime = 0;
  std::int64_t amount = 0;  // microseconds, or bytes
  std::vector<std::string> arguments;
  std::string client;  // address
  std::string clientName;
  std::string node;  // empty: the proxy itself
  net::Micros upstream{};
};

class SlowLog {
 public:
  // Source: redis.io/commands/slowlog-get.
  static constexpr std::size_t kMostArguments = 32;
  static constexpr std::size_t kMostBytes = 128;

  explicit SlowLog(const config::Config& config) : config_(config) {}

  bool isSlow(net::Micros duration) const noexcept { return exceeds(LogKind::Slow, duration.count()); }
  // LargeRequest and LargeReply.
  bool isLarge(LogKind kind, std::size_t bytes) const noexcept {
    return keepsLarge_ && exceeds(kind, static_cast<std::int64_t>(bytes));
  }
  // Requests may have to be kept in mind.
  bool keeps() const noexcept { return limit(LogKind::Slow) >= 0 || keepsLarge_; }
  bool keepsLarge() const noexcept { return keepsLarge_; }
  // Only where the servers have COMMANDLOG.
  void keepLarge(bool on) noexcept { keepsLarge_ = on; }

  // Fills id, time and arguments of the entry.
  void add(LogKind kind, SlowEntry entry, protocol::Argv argv);
  // The same where what is too long has been cut.
  void addCut(LogKind kind, SlowEntry entry, protocol::Argv argv);
  // The newest ones first.
  const std::deque<SlowEntry>& entries(LogKind kind = LogKind::Slow) const noexcept {
    return logs_[static_cast<std::size_t>(kind)].entries;
  }
  void clear(LogKind kind) { log(kind).entries.clear(); }

  // Microseconds or bytes; negative: nothing is kept.
  std::int64_t limit(LogKind kind) const noexcept;
  std::size_t maxLength(LogKind kind) const noexcept;
  // What CONFIG SET says from now on.
  void setLimit(LogKind kind, std::int64_t limit) noexcept { log(kind).limit = limit; }
  void setMaxLength(LogKind kind, std::size_t most) noexcept;

 private:
  struct Log {
    std::optional<std::int64_t> limit;
    std::optional<std::size_t> maxLength;
    std::deque<SlowEntry> entries;
  };

  Log& log(LogKind kind) noexcept { return logs_[static_cast<std::size_t>(kind)]; }
  bool exceeds(LogKind kind, std::int64_t amount) const noexcept {
    const std::int64_t most = limit(kind);
    return most >= 0 && amount >= most && maxLength(kind) > 0;
  }
  void keep(LogKind kind, SlowEntry entry);

  const config::Config& config_;
  bool keepsLarge_ = false;
  std::array<Log, kLogKinds> logs_;
};

}  // namespace slotless::session
