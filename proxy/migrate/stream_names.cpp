#include "proxy/migrate/stream_names.h"

#include <algorithm>
#include <iterator>

namespace slotless::migrate {

namespace {

// The types that RDB files have had for streams. Whatever is newer than this table may be one: then it is
// copied once too often.
constexpr unsigned char kStreamTypes[] = {15, 19, 21};
constexpr unsigned char kFirstUnknownType = 26;

constexpr std::string_view kPrefix = "cmdstat_x";
// Of the commands that begin so these are told of, or change nothing.
constexpr std::string_view kToldOrReading[] = {"add",     "del",   "delex", "info",     "len",
                                               "pending", "range", "read",  "revrange", "trim"};

bool mayBeStream(std::string_view payload) noexcept {
  if (payload.empty()) return false;
  const auto type = static_cast<unsigned char>(payload.front());
  return type >= kFirstUnknownType ||
         std::find(std::begin(kStreamTypes), std::end(kStreamTypes), type) != std::end(kStreamTypes);
}

}  // namespace

void StreamNames::note(const Key& key, std::string_view payload) {
  if (mayBeStream(payload)) note(key);
}

void StreamNames::note(const Key& key) {
  const std::lock_guard guard(mutex_);
  keys_.insert(key);
}

void StreamNames::forget(const Key& key) {
  const std::lock_guard guard(mutex_);
  keys_.erase(key);
}

std::vector<Key> StreamNames::all() const {
  const std::lock_guard guard(mutex_);
  return {keys_.begin(), keys_.end()};
}

std::int64_t groupCallsIn(const subcommand::InfoText& commandStats) {
  std::int64_t calls = 0;
  for (const auto& [name, value] : commandStats.lines()) {
    if (!name.starts_with(kPrefix)) continue;
    std::string_view rest = std::string_view(name).substr(kPrefix.size());
    rest = rest.substr(0, rest.find('|'));
    if (std::find(std::begin(kToldOrReading), std::end(kToldOrReading), rest) == std::end(kToldOrReading))
      calls += subcommand::infoField(value, "calls");
  }
  return calls;
}

}  // namespace slotless::migrate
