#include "proxy/observe/slow_log.h"

#include <algorithm>
#include <atomic>

#include "protocol/secrets.h"

namespace slotless::session {

namespace {

// Source: valkey.conf, commandlog-request-larger-than and the like.
constexpr std::int64_t kLargeBytes = 1024 * 1024;
constexpr std::size_t kLargeEntries = 128;

// Such requests are rare: one counter for all workers harms nobody.
std::uint64_t nextId(LogKind kind) {
  static std::array<std::atomic<std::uint64_t>, kLogKinds> last{};
  return last[static_cast<std::size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
}

std::int64_t unixSeconds() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

std::string cut(std::string_view argument) {
  if (argument.size() <= SlowLog::kMostBytes) return std::string(argument);
  return std::string(argument.substr(0, SlowLog::kMostBytes)) + "... (" +
         std::to_string(argument.size() - SlowLog::kMostBytes) + " more bytes)";
}

std::vector<std::string> shownArguments(protocol::Argv argv, bool isCut) {
  const protocol::Secrets secrets(argv);
  constexpr std::size_t kMost = SlowLog::kMostArguments;
  const std::size_t shown = argv.size() > kMost ? kMost - 1 : argv.size();
  std::vector<std::string> words;
  for (std::size_t i = 0; i < shown; ++i) {
    const std::string_view word = secrets.includes(i) ? protocol::kRedacted : argv[i];
    words.push_back(isCut ? std::string(word) : cut(word));
  }
  if (shown < argv.size())
    words.push_back("... (" + std::to_string(argv.size() - shown) + " more arguments)");
  return words;
}

}  // namespace

void SlowLog::add(LogKind kind, SlowEntry entry, protocol::Argv argv) {
  entry.arguments = shownArguments(argv, false);
  keep(kind, std::move(entry));
}

void SlowLog::addCut(LogKind kind, SlowEntry entry, protocol::Argv argv) {
  entry.arguments = shownArguments(argv, true);
  keep(kind, std::move(entry));
}

void SlowLog::keep(LogKind kind, SlowEntry entry) {
  entry.id = nextId(kind);
  entry.unixTime = unixSeconds();
  std::deque<SlowEntry>& entries = log(kind).entries;
  entries.push_front(std::move(entry));
  if (entries.size() > maxLength(kind)) entries.resize(maxLength(kind));
}

std::int64_t SlowLog::limit(LogKind kind) const noexcept {
  const auto& said = logs_[static_cast<std::size_t>(kind)].limit;
  if (said) return *said;
  return kind == LogKind::Slow ? static_cast<std::int64_t>(config_.slowlogLogSlowerThan) : kLargeBytes;
}

std::size_t SlowLog::maxLength(LogKind kind) const noexcept {
  const auto& said = logs_[static_cast<std::size_t>(kind)].maxLength;
  if (said) return *said;
  return kind == LogKind::Slow ? static_cast<std::size_t>(config_.slowlogMaxLen) : kLargeEntries;
}

void SlowLog::setMaxLength(LogKind kind, std::size_t most) noexcept {
  log(kind).maxLength = most;
  if (entries(kind).size() > most) log(kind).entries.resize(most);
}

}  // namespace slotless::session
