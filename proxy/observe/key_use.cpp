#include "proxy/observe/key_use.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

namespace slotless::session {

namespace {

constexpr double kTimeConstant = 60;  // seconds
constexpr std::uint32_t kLongestInterval = 256;
// Between two looks: below it they become rarer, above it more frequent.
constexpr auto kTooOften = std::chrono::milliseconds(5);
constexpr auto kTooRarely = std::chrono::milliseconds(20);
constexpr double kForgotten = 0.01;

double seconds(net::TimePoint::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::string cut(std::string_view key) {
  return std::string(key.substr(0, KeyUse::kMostShown));
}

std::uint64_t hashOf(const KeySight& sight) {
  return std::hash<std::string_view>()(sight.key) ^ (std::uint64_t{sight.database} << 48U);
}

double amount(const HotKey& key, HotBy by) {
  switch (by) {
    case HotBy::Requests: return key.requests();
    case HotBy::Reads: return key.reads;
    case HotBy::Writes: return key.writes;
    case HotBy::Bytes: return key.bytes;
  }
  return 0;
}

}  // namespace

std::uint32_t KeyUse::random() noexcept {
  seed_ ^= seed_ << 13U;
  seed_ ^= seed_ >> 17U;
  seed_ ^= seed_ << 5U;
  return seed_;
}

// Steps of any length up to twice the interval: else a client that repeats a pattern would show the same part
// of it always.
std::uint32_t KeyUse::begin(net::TimePoint now) {
  if (left_ != 0) return 0;
  const std::uint32_t passed = step_;
  if (!on()) {
    left_ = step_ = kLongestInterval;
    if (!byRequests_.places.empty() || !big_.empty()) clear();
    return 0;
  }
  const auto since = now - looked_;
  looked_ = now;
  if (since < kTooOften) interval_ = std::min(interval_ * 2, kLongestInterval);
  if (since > kTooRarely) interval_ = std::max(interval_ / 2, 1U);
  left_ = step_ = 1 + random() % (2 * interval_ - 1);
  fade(now);
  return passed;
}

void KeyUse::fade(net::TimePoint now) {
  if (began_ == net::TimePoint{}) began_ = faded_ = now;
  if (now - faded_ < std::chrono::seconds(1)) return;
  const double rest = std::exp(-seconds(now - faded_) / kTimeConstant);
  faded_ = now;
  for (Ranking* ranking : {&byRequests_, &byBytes_}) {
    for (Place& place : ranking->places) {
      for (double* sum :
           {&place.use.reads, &place.use.writes, &place.use.bytes, &place.use.doubt, &place.weight})
        *sum *= rest;
    }
    std::erase_if(ranking->places, [](const Place& place) { return place.weight < kForgotten; });
  }
}

KeyUse::Place& KeyUse::Ranking::placeOf(const KeySight& sight, std::uint64_t hash, double weight) {
  const auto known =
      std::find_if(places.begin(), places.end(), [&](const Place& place) { return place.use.hash == hash; });
  if (known != places.end()) {
    known->weight += weight;
    return *known;
  }
  Place fresh;
  fresh.use.key = cut(sight.key);
  fresh.use.hash = hash;
  fresh.use.database = sight.database;
  fresh.weight = weight;
  if (places.size() < kPlaces) return places.emplace_back(std::move(fresh));
  Place& least = *std::min_element(places.begin(), places.end(),
                                   [](const Place& a, const Place& b) { return a.weight < b.weight; });
  fresh.weight += least.weight;
  fresh.use.doubt = least.use.requests() + least.use.doubt;
  least = std::move(fresh);
  return least;
}

void KeyUse::note(const KeySight& sight, std::uint32_t weight) {
  const std::uint64_t hash = hashOf(sight);
  const double requests = weight;
  const double bytes = requests * static_cast<double>(sight.requestBytes + sight.replyBytes);
  for (const auto& [ranking, rank] : {std::pair(&byRequests_, requests), std::pair(&byBytes_, bytes)}) {
    HotKey& use = ranking->placeOf(sight, hash, rank).use;
    (sight.writes ? use.writes : use.reads) += requests;
    use.bytes += bytes;
    if (use.node != sight.node) use.node = sight.node;
  }
}

void KeyUse::noteLarge(const KeySight& sight, std::string_view command) {
  if (!on()) return;
  const bool reply = sight.replyBytes > sight.requestBytes;
  const std::uint64_t bytes = std::max(sight.replyBytes, sight.requestBytes);
  if (bytes < kLarge) return;
  const std::uint64_t hash = hashOf(sight);
  auto place = std::find_if(big_.begin(), big_.end(), [&](const BigKey& each) { return each.hash == hash; });
  if (place != big_.end() && place->bytes > bytes) return;
  if (place == big_.end() && big_.size() < kLargest) {
    place = big_.emplace(big_.end());
  } else if (place == big_.end()) {
    place = std::min_element(big_.begin(), big_.end(),
                             [](const BigKey& a, const BigKey& b) { return a.bytes < b.bytes; });
    if (place->bytes > bytes) return;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  *place = {cut(sight.key),
            hash,
            sight.database,
            std::string(sight.node),
            std::string(command),
            bytes,
            reply,
            std::chrono::duration_cast<std::chrono::seconds>(now).count()};
}

std::vector<HotKey> KeyUse::hot(net::TimePoint now) {
  if (!on()) clear();
  fade(now);
  // Before the first minutes are over less has come together than a steady rate would have left.
  const double age = std::max(1.0, seconds(now - began_));
  const double perSecond = 1 / (kTimeConstant * (1 - std::exp(-age / kTimeConstant)));
  std::vector<HotKey> keys;
  for (const Ranking* ranking : {&byRequests_, &byBytes_}) {
    for (const Place& place : ranking->places) {
      const bool there = std::any_of(keys.begin(), keys.end(),
                                     [&](const HotKey& key) { return key.hash == place.use.hash; });
      if (there) continue;
      HotKey& key = keys.emplace_back(place.use);
      for (double* sum : {&key.reads, &key.writes, &key.bytes, &key.doubt}) *sum *= perSecond;
    }
  }
  return keys;
}

void KeyUse::clear() {
  byRequests_.places.clear();
  byBytes_.places.clear();
  big_.clear();
}

std::vector<HotKey> mergeHot(const std::vector<std::vector<HotKey>>& parts, HotBy by, std::size_t most) {
  std::map<std::uint64_t, HotKey> sums;
  for (const auto& part : parts) {
    for (const HotKey& key : part) {
      const auto [place, fresh] = sums.try_emplace(key.hash, key);
      if (fresh) continue;
      HotKey& sum = place->second;
      sum.reads += key.reads;
      sum.writes += key.writes;
      sum.bytes += key.bytes;
      sum.doubt += key.doubt;
    }
  }
  std::vector<HotKey> keys;
  for (auto& [hash, key] : sums) {
    if (amount(key, by) > 0) keys.push_back(std::move(key));
  }
  std::sort(keys.begin(), keys.end(),
            [by](const HotKey& a, const HotKey& b) { return amount(a, by) > amount(b, by); });
  if (keys.size() > most) keys.resize(most);
  return keys;
}

std::vector<BigKey> mergeBig(const std::vector<std::vector<BigKey>>& parts, std::size_t most) {
  std::map<std::uint64_t, BigKey> largest;
  for (const auto& part : parts) {
    for (const BigKey& key : part) {
      const auto [place, fresh] = largest.try_emplace(key.hash, key);
      if (!fresh && key.bytes > place->second.bytes) place->second = key;
    }
  }
  std::vector<BigKey> keys;
  for (auto& [hash, key] : largest) keys.push_back(std::move(key));
  std::sort(keys.begin(), keys.end(), [](const BigKey& a, const BigKey& b) { return a.bytes > b.bytes; });
  if (keys.size() > most) keys.resize(most);
  return keys;
}

std::string shownKey(std::string_view key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : key) {
    const auto code = static_cast<unsigned char>(byte);
    if (code > 0x20 && code != 0x7F && byte != '\\' && byte != '"') {
      text += byte;
    } else {
      text.append("\\x") += kDigits[code >> 4U];
      text += kDigits[code & 0xFU];
    }
  }
  return text;
}

}  // namespace slotless::session
