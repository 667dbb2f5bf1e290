// What the nodes' keys tell, of which some are looked at.
#include <algorithm>

#include "proxy/doctor/checks.h"

namespace slotless::doctor {

namespace {

constexpr std::uint64_t kBigBytes = 10 * 1024 * 1024;
// OBJECT FREQ of a key that gets some hundred thousand requests within minutes, by the default
// lfu-log-factor.
constexpr std::uint64_t kHotFrequency = 200;
constexpr std::size_t kShown = 3;

// Keys are bytes: what is no text is shown as the command line would take it.
std::string shownKey(std::string_view key) {
  constexpr std::size_t kMost = 80;
  std::string text;
  for (const char byte : key.substr(0, kMost)) {
    const auto code = static_cast<unsigned char>(byte);
    if (code >= 0x20 && code < 0x7F && byte != '"' && byte != '\\') {
      text += byte;
    } else {
      constexpr char kDigits[] = "0123456789abcdef";
      text += "\\x";
      text += kDigits[code >> 4U];
      text += kDigits[code & 0xFU];
    }
  }
  return key.size() > kMost ? text + "…" : text;
}

Sightings bigKeys(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    std::size_t shown = 0;
    for (const SizedKey& key : node.keys.largest) {
      if (key.bytes < kBigBytes || shown++ == kShown) break;
      found.push_back({shownKey(key.key), std::to_string(key.bytes >> 20U) + " MiB on " + node.shown()});
    }
  }
  return found;
}

Sightings hotKeys(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    std::size_t shown = 0;
    for (const HotKey& key : node.keys.hottest) {
      if (key.frequency < kHotFrequency || shown++ == kShown) break;
      found.push_back({shownKey(key.key),
                       "OBJECT FREQ is " + std::to_string(key.frequency) + " (of 255) on " + node.shown()});
    }
  }
  return found;
}

Sightings strangers(const Facts& facts) {
  std::uint64_t looked = 0;
  std::uint64_t count = 0;
  std::string examples;
  std::size_t shown = 0;
  for (const Node& node : facts.nodes) {
    looked += node.keys.looked;
    count += node.keys.strangers;
    for (const std::string& key : node.keys.strangerExamples) {
      if (shown++ < kShown) examples += (examples.empty() ? "" : ", ") + shownKey(key);
    }
  }
  if (count == 0) return {};
  return {
      {"", std::to_string(count) + " of " + std::to_string(looked) +
               " keys that were looked at belong to no database as databases and database-layout are now: " +
               examples}};
}

constexpr Check kKeyChecks[] = {
    {"layout", Severity::Critical, strangers,
     "They were written with other settings, and no client sees them any more.",
     "Set databases and database-layout as they were; to change the layout of a database that has keys, copy it "
     "(docs/databases.md)."},
    {"big-key", Severity::Warning, bigKeys,
     "It is on one node whatever its slots do; reading, deleting or moving it keeps that node busy for all.",
     "Split it, UNLINK it instead of DEL, and read it in parts (HSCAN, LRANGE …). redis-cli --memkeys finds all."},
    {"hot-key", Severity::Warning, hotKeys,
     "All its requests go to one node, whatever the number of masters.",
     "Cache it in clients (CLIENT TRACKING), read it from replicas (read-from), or split it."},
};

}  // namespace

std::span<const Check> keyChecks() {
  return kKeyChecks;
}

}  // namespace slotless::doctor
