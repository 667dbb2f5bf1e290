// Reads decimal integers the way Redis and hiredis read lengths: no spaces, no '+', no leading zeros, no
// "-0". Source: behaviour of string2ll() in Redis 7.0 util.c and hiredis read.c.
#pragma once
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace slotless::protocol {

// The value of the whole text, or nothing if it is not exactly one integer that fits.
inline std::optional<std::int64_t> strictInteger(std::string_view text) noexcept {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || (digits.front() == '0' && text.size() > 1)) return std::nullopt;
  std::int64_t value = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

// The hot paths' reader: the non-negative number at `p`, canonical, of at most ten digits and with its CRLF,
// all before `end`. Returns the byte behind the CRLF, or nullptr for whatever else stands there (a number
// that is not yet whole, too, so the caller falls back to its careful path).
[[gnu::always_inline]] inline const char* readCanonicalLength(const char* p, const char* end,
                                                              std::uint64_t& value) noexcept {
  constexpr std::ptrdiff_t kMostDigits = 10;
  if (end - p < 3) return nullptr;
  std::uint64_t digit = static_cast<unsigned char>(*p) - std::uint64_t{'0'};
  if (digit > 9) return nullptr;
  value = digit;
  const char* q = p + 1;
  if (*q != '\r') {
    if (digit == 0) return nullptr;
    const char* const stop = end - p > kMostDigits ? p + kMostDigits : end;
    while (q != stop && (digit = static_cast<unsigned char>(*q) - std::uint64_t{'0'}) <= 9) {
      value = value * 10 + digit;
      ++q;
    }
    if (end - q < 2 || *q != '\r') return nullptr;
  }
  return q[1] == '\n' ? q + 2 : nullptr;
}

}  // namespace slotless::protocol
