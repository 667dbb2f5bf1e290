// The log: one line on stderr per event worth knowing. Only telemetry includes spdlog.
//
//   log::warn("link lost", {{"node", address}, {"error", text}, {"in_flight", 3}});
//   2026-01-02T03:04:05.678Z warn  link lost  node=127.0.0.1:7001 error="connection reset" in_flight=3
//
// or, with Format::Json,
//   {"time":"2026-01-02T03:04:05.678Z","level":"warn","event":"link lost","node":"127.0.0.1:7001",...}
//
// Thread-safe; never waits for whoever reads stderr: lines are written by a thread of its own, and when they
// come faster than they are read the oldest are given up and counted (log_writer.h). Each line is one write.
// Each place in the code gets at most some lines a second through, unless it says that nobody but the
// operator can cause them. Values are quoted and escaped where needed and cut at kMaxValueBytes. Never pass a
// key's value or a password: that is the caller's duty.
#pragma once
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/telemetry/rate_limit.h"
#include "proxy/telemetry/site.h"

namespace slotless::log {

enum class Level : std::uint8_t { Trace, Debug, Info, Warn, Error };
enum class Format : std::uint8_t { Text, Json };

// "trace", "debug", "info", "warn", "error"; parseLevel() also takes "warning".
std::string_view levelName(Level level) noexcept;
std::optional<Level> parseLevel(std::string_view name) noexcept;

inline constexpr std::size_t kMaxValueBytes = 512;

// Refers to strings, does not own them: lives only as long as the call that it is an argument of.
class Value {
 public:
  enum class Kind : std::uint8_t { Text, Signed, Unsigned, Real, Flag };

  template <typename Text>
  requires std::convertible_to<const Text&, std::string_view> Value(const Text& text)
  noexcept : kind_(Kind::Text), text_(text) {}  // NOLINT(google-explicit-constructor)
  // Not plain `bool`: every pointer would convert to it.
  Value(std::same_as<bool> auto flag) noexcept
      : kind_(Kind::Flag), unsigned_(flag) {}    // NOLINT(google-explicit-constructor)
  Value(std::floating_point auto real) noexcept  // NOLINT(google-explicit-constructor)
      : kind_(Kind::Real), real_(static_cast<double>(real)) {}
  Value(std::signed_integral auto number) noexcept  // NOLINT(google-explicit-constructor)
      : kind_(Kind::Signed), signed_(number) {}
  template <std::unsigned_integral Number>
  requires(!std::same_as<Number, bool>) Value(Number number)
  noexcept  // NOLINT(google-explicit-constructor)
      : kind_(Kind::Unsigned), unsigned_(number) {}

  void appendTo(std::string& line) const;
  void appendJsonTo(std::string& line) const;

 private:
  Kind kind_;
  union {
    std::string_view text_;
    std::int64_t signed_;
    std::uint64_t unsigned_;
    double real_;
  };
};

struct Field {
  std::string_view key;
  Value value;
};

using Fields = std::initializer_list<Field>;

namespace detail {
inline std::atomic<Level> threshold{Level::Info};
}

// Call init() once at start; before it, the log works with level info.
void init(Level level, Format format = Format::Text);
// At any time.
void setLevel(Level level) noexcept;
void setFormat(Format format) noexcept;
inline Level level() noexcept {
  return detail::threshold.load(std::memory_order_relaxed);
}
// Ask first where computing the fields costs something.
inline bool enabled(Level level) noexcept {
  return level >= detail::threshold.load(std::memory_order_relaxed);
}

// Lines a second from one place in the code; what is above is counted and told with the next line.
inline constexpr std::uint32_t kLinesPerSecond = 10;
// Who wants to see each client come and go shall.
inline constexpr std::uint32_t kDebugLinesPerSecond = 1000;

void write(Level level, std::string_view event, Fields fields = {}, Site site = Site::current());
// With a limit and a clock of its own: writes what `limit` lets pass, with suppressed=N when N were left out
// before it.
void write(RateLimit& limit, RateLimit::Clock::time_point now, Level level, std::string_view event,
           Fields fields = {});
// Without a limit. Only for what neither a client nor a node can cause, such as a line for each option.
void always(Level level, std::string_view event, Fields fields = {});

inline void trace(std::string_view event, Fields fields = {}, Site site = Site::current()) {
  write(Level::Trace, event, fields, site);
}
inline void debug(std::string_view event, Fields fields = {}, Site site = Site::current()) {
  write(Level::Debug, event, fields, site);
}
inline void info(std::string_view event, Fields fields = {}, Site site = Site::current()) {
  write(Level::Info, event, fields, site);
}
inline void warn(std::string_view event, Fields fields = {}, Site site = Site::current()) {
  write(Level::Warn, event, fields, site);
}
inline void error(std::string_view event, Fields fields = {}, Site site = Site::current()) {
  write(Level::Error, event, fields, site);
}

// Waits until the lines so far are written, but no longer than that: for the end of the process. False: some
// are not.
bool flush(std::chrono::milliseconds atMost = std::chrono::seconds(1));
// Lines that nobody will read, since the start: nobody took them in time, or stderr was closed.
std::uint64_t lostLines() noexcept;

// The line without its time.
std::string formatLine(Level level, std::string_view event, std::span<const Field> fields);
// The same without what comes before the level: `"level":"warn",...}`.
std::string formatJson(Level level, std::string_view event, std::span<const Field> fields);

}  // namespace slotless::log
