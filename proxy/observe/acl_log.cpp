#include "proxy/observe/acl_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace slotless::session {

namespace {

// Like attempts are looked for among the latest only, as in Redis: whoever is refused at full speed must not
// have a long log searched each time.
constexpr std::size_t kSearched = 10;

// What a client may send is as long as it likes, and an entry stays.
constexpr std::size_t kLongestText = 1024;

std::string shortened(std::string_view text) {
  if (text.size() <= kLongestText) return std::string(text);
  return std::string(text.substr(0, kLongestText)) + "... (" + std::to_string(text.size() - kLongestText) +
         " more bytes)";
}

}  // namespace

std::int64_t AclLog::now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

void AclLog::add(std::size_t most, std::string_view reason, std::string_view context, std::string_view object,
                 std::string_view username, std::string_view client) {
  const std::int64_t time = now();
  add(most, {0, 1, std::string(reason), std::string(context), shortened(object), shortened(username),
             std::string(client), time, time});
}

void AclLog::add(std::size_t most, AclEntry entry) {
  const std::lock_guard guard(mutex_);
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(entries_.size(), kSearched));
  const auto like = std::find_if(entries_.begin(), end, [&](const AclEntry& each) {
    return each.reason == entry.reason && each.context == entry.context && each.object == entry.object &&
           each.username == entry.username && entry.updated - each.updated <= kOneMillis;
  });
  if (like != end) {
    entry.id = like->id;
    entry.count = like->count + 1;
    entry.created = like->created;
    entries_.erase(like);
  } else {
    entry.id = nextId_++;
  }
  entries_.push_front(std::move(entry));
  if (entries_.size() > most) entries_.resize(most);
}

std::vector<AclEntry> AclLog::entries() const {
  const std::lock_guard guard(mutex_);
  return {entries_.begin(), entries_.end()};
}

void AclLog::clear() {
  const std::lock_guard guard(mutex_);
  entries_.clear();
}

}  // namespace slotless::session
