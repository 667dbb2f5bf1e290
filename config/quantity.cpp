#include "config/quantity.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

#include "config/spelling.h"

namespace slotless::config {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit kSizeUnits[] = {{"gb", kGiB},   {"mb", kMiB}, {"kb", kKiB}, {"g", 1000000000},
                               {"m", 1000000}, {"k", 1000},  {"b", 1},     {"", 1}};
constexpr Unit kTimeUnits[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

struct Digits {
  Parsed<std::uint64_t> number;
  std::string_view rest;
};

Digits takeDigits(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return {{{}, "the number is too large"}, {}};
  if (error != std::errc{}) return {{{}, ""}, {}};
  return {{number, ""}, text.substr(static_cast<std::size_t>(end - text.data()))};
}

Parsed<std::uint64_t> scaled(std::uint64_t number, std::string_view unit, std::span<const Unit> units) {
  const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == unit; });
  if (found == units.end()) return {{}, "the unit is not known"};
  // Half of the range keeps the result representable in std::chrono's signed counts.
  if (number > std::numeric_limits<std::uint64_t>::max() / 2 / found->factor) {
    return {{}, "the number is too large"};
  }
  return {number * found->factor, ""};
}

}  // namespace

Parsed<std::uint64_t> parseCount(std::string_view text) {
  const Digits digits = takeDigits(text);
  if (digits.number.value && !digits.rest.empty()) return {};
  return digits.number;
}

Parsed<std::uint64_t> parseShare(std::string_view text) {
  constexpr double kWhole = 100;
  constexpr double kLeast = 0.0001;  // one of a million
  if (!text.ends_with('%')) return {};
  text.remove_suffix(1);
  // No sign, and none of the words that are numbers, too.
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text.front())) == 0) return {};
  double percent = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, percent, std::chars_format::fixed);
  if (error != std::errc{} || end != last || percent > kWhole) return {};
  if (percent == 0) return {0, ""};
  if (percent < kLeast) return {};
  return {static_cast<std::uint64_t>(std::llround(kWhole / percent)), ""};
}

Parsed<std::uint64_t> parseMode(std::string_view text) {
  if (text.size() == 4 && text.starts_with('0')) text.remove_prefix(1);
  std::uint64_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.size() != 3 || error != std::errc{} || end != text.data() + text.size()) return {};
  return {mode, ""};
}

std::string formatMode(std::uint64_t mode) {
  std::string text(3, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, mode /= 8)
    *digit = static_cast<char>('0' + mode % 8);
  return text;
}

Parsed<std::uint64_t> parseBytes(std::string_view text) {
  const Digits digits = takeDigits(text);
  if (!digits.number.value) return digits.number;
  return scaled(*digits.number.value, lowered(digits.rest), kSizeUnits);
}

Parsed<Milliseconds> parseDuration(std::string_view text) {
  const Digits digits = takeDigits(text);
  if (!digits.number.value) return {{}, digits.number.reason};
  if (digits.rest.empty()) {
    if (*digits.number.value == 0) return {Milliseconds(0), ""};
    return {{}, "the unit is missing"};
  }
  const auto count = scaled(*digits.number.value, digits.rest, kTimeUnits);
  if (!count.value) return {{}, count.reason};
  return {Milliseconds(static_cast<Milliseconds::rep>(*count.value)), ""};
}

std::string formatBytes(std::uint64_t bytes) {
  for (const auto& unit : std::span(kSizeUnits).first(3)) {
    if (bytes != 0 && bytes % unit.factor == 0)
      return std::to_string(bytes / unit.factor) + std::string(unit.name);
  }
  return std::to_string(bytes);
}

std::string formatDuration(Milliseconds duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  if (count == 0) return "0";
  const auto* unit = std::find_if(std::begin(kTimeUnits), std::end(kTimeUnits),
                                  [&](const Unit& u) { return count % u.factor == 0; });
  return std::to_string(count / unit->factor) + std::string(unit->name);
}

}  // namespace slotless::config
