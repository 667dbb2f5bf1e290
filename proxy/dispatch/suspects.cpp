#include "proxy/dispatch/suspects.h"

#include <algorithm>
#include <charconv>

namespace slotless::session {

namespace {
constexpr auto kRemembered = std::chrono::minutes(10);
// The least that Redis and Valkey let these limits be: whatever the node's is, it is not smaller.
constexpr std::size_t kLeastLimit = 1024U * 1024;
}  // namespace

std::optional<std::string_view> argumentWithin(std::string_view head, int index) noexcept {
  if (index <= 0) return std::nullopt;
  std::size_t at = head.find('\n');
  for (int i = 0; at != std::string_view::npos; ++i) {
    std::string_view rest = head.substr(at + 1);
    std::size_t length = 0;
    if (!rest.starts_with('$')) return std::nullopt;
    const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), length);
    if (error != std::errc{}) return std::nullopt;
    const auto begin = static_cast<std::size_t>(end - head.data()) + 2;
    if (begin > head.size() || head.size() - begin < length) return std::nullopt;
    if (i == index) return head.substr(begin, length);
    at = begin + length + 1;
    if (at >= head.size()) return std::nullopt;
  }
  return std::nullopt;
}

// FNV-1a.
std::uint64_t Suspects::hashOf(std::string_view head, std::size_t length) noexcept {
  std::uint64_t hash = 14695981039346656037ULL ^ length;
  for (const char byte : head) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  return hash | 1U;
}

const Suspects::Entry* Suspects::find(protocol::Slot slot, std::uint64_t hash) const {
  if (!anyOf(slot)) return nullptr;
  const auto found = std::find_if(requests_.begin(), requests_.end(), [&](const Entry& entry) {
    return entry.slot == slot && entry.hash == hash;
  });
  return found == requests_.end() ? nullptr : &*found;
}

bool Suspects::has(protocol::Slot slot, std::uint64_t hash) const {
  return find(slot, hash) != nullptr;
}

bool Suspects::isLarge(protocol::Slot slot, std::uint64_t hash) const {
  const Entry* const entry = find(slot, hash);
  return entry != nullptr && entry->large;
}

void Suspects::clear(protocol::Slot slot, std::uint64_t hash) {
  if (!has(slot, hash)) return;
  std::erase_if(requests_, [&](const Entry& entry) { return entry.slot == slot && entry.hash == hash; });
  markSlots();
}

void Suspects::add(protocol::Slot slot, std::uint64_t hash, net::TimePoint now, bool large) {
  clear(slot, hash);
  const auto sameKind = [large](const Entry& entry) { return entry.large == large; };
  if (std::count_if(requests_.begin(), requests_.end(), sameKind) == kMost)
    requests_.erase(std::find_if(requests_.begin(), requests_.end(), sameKind));
  requests_.push_back({hash, slot, now + kRemembered, large});
  markSlots();
}

std::uint64_t Suspects::suspect(protocol::Slot slot, const upstream::SentRequest& sent, std::size_t skip,
                                net::TimePoint now, bool large) {
  const std::uint64_t hash = hashOf(sent.beginning(kHead, skip), sent.size() - skip);
  add(slot, hash, now, large);
  return hash;
}

std::uint64_t Suspects::match(protocol::Slot slot, std::string_view head, std::size_t length,
                              int keyOfRead) const {
  if (!anyOf(slot)) return 0;
  const std::uint64_t whole = hashOf(head, length);
  if (has(slot, whole)) return whole;
  const std::optional<std::string_view> key = argumentWithin(head, keyOfRead);
  if (!key) return 0;
  const std::uint64_t ofKey = hashOfKey(*key);
  return has(slot, ofKey) ? ofKey : 0;
}

bool Suspects::tooLarge(const net::Address& node, std::size_t length) const {
  if (length < kLarge || limits_.empty()) return false;
  const auto found = limits_.find(node);
  return found != limits_.end() && length >= found->second.bytes;
}

void Suspects::addTooLarge(const net::Address& node, std::size_t length, net::TimePoint now) {
  if (length < kLarge) return;
  if (limits_.size() == kMost && limits_.find(node) == limits_.end()) return;
  Limit& limit = limits_.try_emplace(node, Limit{length, {}}).first->second;
  limit.bytes = std::min({limit.bytes, length, std::max(length / 2, kLeastLimit)});
  limit.until = now + kRemembered;
}

void Suspects::expire(net::TimePoint now) {
  if (!any()) return;
  if (std::erase_if(requests_, [&](const Entry& entry) { return now >= entry.until; }) > 0) markSlots();
  std::erase_if(limits_, [&](const auto& each) { return now >= each.second.until; });
}

void Suspects::markSlots() {
  slots_.reset();
  for (const Entry& entry : requests_) slots_.set(placeOf(entry.slot));
}

}  // namespace slotless::session
