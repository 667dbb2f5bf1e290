#include "proxy/routing/info_value.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace slotless::routing {

InfoNumber InfoNumber::plus(const InfoNumber& other) const noexcept {
  InfoNumber sum = *this;
  sum.value += other.value;
  sum.decimals = std::max(decimals, other.decimals);
  if (__builtin_add_overflow(whole, other.whole, &sum.whole)) sum.whole = INT64_MAX;
  return sum;
}

std::string InfoNumber::text() const {
  std::string text = decimals == 0 ? std::to_string(whole) : fixedText(value, decimals);
  if (percent) text += '%';
  return text;
}

std::optional<InfoNumber> parseInfoNumber(std::string_view text) noexcept {
  InfoNumber number;
  number.percent = text.ends_with('%');
  if (number.percent) text.remove_suffix(1);
  const char* end = text.data() + text.size();
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos) {
    const auto parsed = std::from_chars(text.data(), end, number.whole);
    if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    number.value = static_cast<double>(number.whole);
    return number;
  }
  const auto parsed = std::from_chars(text.data(), end, number.value, std::chars_format::fixed);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  number.decimals = static_cast<int>(text.size() - point - 1);
  number.whole = static_cast<std::int64_t>(number.value);
  return number;
}

std::string fixedText(double value, int decimals) {
  std::array<char, 400> digits{};
  const auto written =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, decimals);
  return {digits.data(), written.ptr};
}

std::string humanBytes(double bytes) {
  constexpr double kStep = 1024;
  if (bytes < kStep) return fixedText(bytes, 0) + "B";
  constexpr std::string_view kUnits = "KMGTP";
  std::size_t unit = 0;
  for (bytes /= kStep; bytes >= kStep && unit + 1 < kUnits.size(); ++unit) bytes /= kStep;
  return fixedText(bytes, 2) + kUnits[unit];
}

}  // namespace slotless::routing
