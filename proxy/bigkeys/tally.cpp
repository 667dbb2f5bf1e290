#include "proxy/bigkeys/tally.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "proxy/subcommand/json_line.h"

namespace slotless::bigkeys {

namespace {

constexpr std::array<std::string_view, 5> kUnits = {"B", "KB", "MB", "GB", "TB"};
constexpr std::size_t kShownOfName = 100;

std::string sizeText(std::uint64_t bytes) {
  double number = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (number >= 1024 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", number, kUnits[unit].data());
  return text.data();
}

// A terminal must not obey what is in a name.
std::string shownName(std::string_view name) {
  std::string shown;
  for (const char c : name.substr(0, kShownOfName)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 127 && c != '\\') {
      shown += c;
      continue;
    }
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "\\x%02x", byte);
    shown += text.data();
  }
  return name.size() > kShownOfName ? shown + "..." : shown;
}

std::string jsonOf(const Key& key) {
  subcommand::JsonLine line;
  line.text("key", key.name).number("bytes", key.bytes).number("slot", key.slot);
  return line.text("node", key.node).done();
}

Group sumOf(const Tally& tally) {
  Group sum;
  for (const auto& [of, group] : tally.groups()) {
    sum.keys += group.keys;
    sum.bytes += group.bytes;
  }
  return sum;
}

}  // namespace

void Tally::add(std::optional<std::uint32_t> database, std::string_view type, Key key) {
  Group& group = groups_[{database, std::string(type)}];
  ++group.keys;
  group.bytes += key.bytes;
  auto& largest = group.largest;
  if (most_ == 0 || (largest.size() == most_ && largest.back().bytes >= key.bytes)) return;
  // SCAN may show a key twice.
  std::erase_if(largest, [&](const Key& each) { return each.name == key.name; });
  const auto behind = std::upper_bound(largest.begin(), largest.end(), key,
                                       [](const Key& a, const Key& b) { return a.bytes > b.bytes; });
  largest.insert(behind, std::move(key));
  if (largest.size() > most_) largest.pop_back();
}

std::string textReport(const Tally& tally, const Coverage& coverage) {
  std::string text;
  for (const auto& [of, group] : tally.groups()) {
    const auto& [database, type] = of;
    text += database ? "database " + std::to_string(*database) : std::string("no database");
    text += " " + type + ": " + std::to_string(group.keys) + " keys, " + sizeText(group.bytes) + "\n";
    for (const Key& key : group.largest) {
      std::string size = sizeText(key.bytes);
      size.insert(0, size.size() < 12 ? 12 - size.size() : 0, ' ');
      text += size + "  " + shownName(key.name) + "  (slot " + std::to_string(key.slot) + " on " + key.node +
              ")\n";
    }
  }
  const Group sum = sumOf(tally);
  text += std::to_string(sum.keys) + " keys, " + sizeText(sum.bytes) + ", on " +
          std::to_string(coverage.masters) + " masters\n";
  for (const std::string& missing : coverage.missing) text += "not all of " + missing + "\n";
  return text;
}

std::string jsonReport(const Tally& tally, const Coverage& coverage) {
  std::string text;
  for (const auto& [of, group] : tally.groups()) {
    subcommand::JsonLine line;
    if (of.first) {
      line.number("database", *of.first);
    } else {
      line.raw("database", "null");
    }
    std::vector<std::string> largest;
    for (const Key& key : group.largest) largest.push_back(jsonOf(key));
    line.text("type", of.second).number("keys", group.keys).number("bytes", group.bytes);
    text += line.raw("largest", subcommand::jsonList(largest)).done() + "\n";
  }
  std::vector<std::string> missing;
  for (const std::string& each : coverage.missing) missing.push_back(subcommand::jsonText(each));
  const Group sum = sumOf(tally);
  subcommand::JsonLine line;
  line.number("masters", coverage.masters).number("keys", sum.keys).number("bytes", sum.bytes);
  return text + line.raw("missing", subcommand::jsonList(missing)).done() + "\n";
}

}  // namespace slotless::bigkeys
