// A value of INFO as a number with the looks it had: decimals and a percent sign are kept.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slotless::routing {

struct InfoNumber {
  double value = 0;
  std::int64_t whole = 0;  // exact, where there are no decimals
  int decimals = 0;
  bool percent = false;

  InfoNumber plus(const InfoNumber& other) const noexcept;
  bool lessThan(const InfoNumber& other) const noexcept { return value < other.value; }
  std::string text() const;
};

// nullopt: no number.
std::optional<InfoNumber> parseInfoNumber(std::string_view text) noexcept;
std::string fixedText(double value, int decimals);
// "894.79K", as Redis writes sizes for people. Source: Redis 7.0 server.c bytesToHuman().
std::string humanBytes(double bytes);

}  // namespace slotless::routing
