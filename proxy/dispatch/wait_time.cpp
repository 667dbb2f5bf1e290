#include "proxy/dispatch/wait_time.h"

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "protocol/strict_integer.h"

namespace slotless::session {

namespace {

constexpr std::string_view kNoFloat = "ERR timeout is not a float or out of range";
constexpr std::string_view kNoInteger = "ERR timeout is not an integer or out of range";
constexpr std::string_view kNegative = "ERR timeout is negative";
constexpr std::string_view kOutOfRange = "ERR timeout is out of range";

constexpr std::size_t kLongestFloat = 5 * 1024 - 1;
// Thirty years: the clock counts nanoseconds.
constexpr std::int64_t kMostMillis = 1'000'000'000'000;
constexpr std::int64_t kMostOfServer = std::numeric_limits<std::int64_t>::max();

// Hexadecimal numbers, a '+' and "inf" are taken, spaces are not.
std::optional<long double> floatIn(std::string_view text) {
  if (text.empty() || text.size() > kLongestFloat || std::isspace(static_cast<unsigned char>(text.front())))
    return std::nullopt;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const long double value = std::strtold(terminated.c_str(), &end);
  const bool lost = errno == ERANGE && (std::isinf(value) || value == 0);
  if (end != terminated.data() + terminated.size() || lost || std::isnan(value)) return std::nullopt;
  return value;
}

}  // namespace

WaitTime readWaitTime(std::string_view text, bool inMilliseconds, std::optional<std::int64_t> now) {
  std::int64_t millis = 0;
  if (inMilliseconds) {
    const auto given = protocol::strictInteger(text);
    if (!given) return {kNoInteger, {}};
    millis = *given;
  } else {
    const auto given = floatIn(text);
    if (!given) return {kNoFloat, {}};
    const long double wanted = *given * 1000;
    constexpr auto kMost = static_cast<long double>(kMostOfServer);
    if (wanted > kMost) return {now ? kOutOfRange : kNegative, {}};  // the older ones let it overflow
    if (wanted < -kMost) return {kNegative, {}};
    millis = static_cast<std::int64_t>(std::ceil(wanted));
  }
  if (millis < 0) return {kNegative, {}};
  if (now && millis > kMostOfServer - *now) return {kOutOfRange, {}};
  if (millis == 0 || millis > kMostMillis) return {};
  return {{}, net::Millis(millis)};
}

}  // namespace slotless::session
