#include "proxy/session/slow_log.h"

#include <algorithm>
#include <atomic>

#include "protocol/secrets.h"

namespace slotless::session {

namespace {

// Source: redis.io/commands/slowlog-get.
constexpr std::size_t kMostArguments = 32;
constexpr std::size_t kMostBytes = 128;

// Slow requests are rare: one counter for all workers harms nobody.
std::uint64_t nextId() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed);
}

std::int64_t unixSeconds() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

std::string cut(std::string_view argument) {
  if (argument.size() <= kMostBytes) return std::string(argument);
  return std::string(argument.substr(0, kMostBytes)) + "... (" +
         std::to_string(argument.size() - kMostBytes) + " more bytes)";
}

std::vector<std::string> shownArguments(protocol::Argv argv) {
  const protocol::Secrets secrets(argv);
  const std::size_t shown = argv.size() > kMostArguments ? kMostArguments - 1 : argv.size();
  std::vector<std::string> words;
  for (std::size_t i = 0; i < shown; ++i) {
    words.push_back(secrets.includes(i) ? std::string(protocol::kRedacted) : cut(argv[i]));
  }
  if (shown < argv.size())
    words.push_back("... (" + std::to_string(argv.size() - shown) + " more arguments)");
  return words;
}

}  // namespace

void SlowLog::add(SlowEntry entry, protocol::Argv argv) {
  entry.id = nextId();
  entry.unixTime = unixSeconds();
  entry.arguments = shownArguments(argv);
  entries_.push_front(std::move(entry));
  if (entries_.size() > maxLength()) entries_.resize(maxLength());
}

std::int64_t SlowLog::slowerThanMicros() const noexcept {
  return slowerThan_.value_or(static_cast<std::int64_t>(config_.slowlogLogSlowerThan));
}

std::size_t SlowLog::maxLength() const noexcept {
  return maxLength_.value_or(static_cast<std::size_t>(config_.slowlogMaxLen));
}

void SlowLog::setMaxLength(std::size_t entries) noexcept {
  maxLength_ = entries;
  if (entries_.size() > entries) entries_.resize(entries);
}

}  // namespace slotless::session
