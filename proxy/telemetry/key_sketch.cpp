#include "proxy/telemetry/key_sketch.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace slotless::telemetry {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kMemory = 60;  // seconds
constexpr std::chrono::seconds kDecayStep{1};
// Of a very long key its ends and its length make up for the rest.
constexpr std::size_t kHashedEnd = 256;

std::uint64_t mix(std::uint64_t value) noexcept {
  value ^= value >> 33U;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33U;
  return value;
}

std::uint64_t identityOf(const KeyUse& use) noexcept {
  const std::hash<std::string_view> hash;
  std::uint64_t identity = mix(use.database + 1U) ^ hash(use.key.substr(0, kHashedEnd));
  if (use.key.size() > kHashedEnd) {
    const std::size_t end = std::max(kHashedEnd, use.key.size() - kHashedEnd);
    identity = mix(identity) ^ hash(use.key.substr(end)) ^ mix(use.key.size());
  }
  return identity;
}

}  // namespace

void KeySketch::add(const KeyUse& use, TimePoint now) {
  if (now - decayed_ >= kDecayStep) decay(now);
  Counter& counter = counterFor(identityOf(use), use);
  counter.uses += use.weight;
  counter.writes += use.writes ? use.weight : 0;
  counter.bytes += use.bytes;
  total_ += use.weight;
}

void KeySketch::clear(TimePoint now) {
  used_ = 0;
  total_ = 0;
  since_ = decayed_ = now;
}

// The new one takes over the place and the count of the one that was used least, which is what the new one
// may have had before.
KeySketch::Counter& KeySketch::counterFor(std::uint64_t identity, const KeyUse& use) {
  const auto end = identities_.begin() + static_cast<std::ptrdiff_t>(used_);
  const auto found = std::find(identities_.begin(), end, identity);
  if (found != end) return counters_[static_cast<std::size_t>(found - identities_.begin())];
  std::size_t place = used_;
  double before = 0;
  if (used_ < kCounters) {
    ++used_;
  } else {
    const auto least = std::min_element(counters_.begin(), counters_.end(),
                                        [](const auto& a, const auto& b) { return a.uses < b.uses; });
    place = static_cast<std::size_t>(least - counters_.begin());
    before = least->uses;
  }
  Counter& counter = counters_[place];
  identities_[place] = counter.identity = identity;
  counter.database = use.database;
  counter.slot = use.slot;
  counter.keyBytes = use.key.size();
  counter.name.assign(use.key.substr(0, kLongestName));
  counter.uses = counter.excess = before;
  counter.writes = counter.bytes = 0;
  return counter;
}

void KeySketch::decay(TimePoint now) {
  if (since_ == TimePoint{}) since_ = decayed_ = now;
  if (now <= decayed_) return;
  const double factor = std::exp(-Seconds(now - decayed_).count() / kMemory);
  decayed_ = now;
  total_ *= factor;
  for (Counter& counter : counters_) {
    counter.uses *= factor;
    counter.excess *= factor;
    counter.writes *= factor;
    counter.bytes *= factor;
  }
}

double KeySketch::seconds(TimePoint now) const noexcept {
  const double age = std::max(1.0, Seconds(now - since_).count());
  return kMemory * (1 - std::exp(-age / kMemory));
}

}  // namespace slotless::telemetry
