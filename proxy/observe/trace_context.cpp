#include "proxy/observe/trace_context.h"

#include <algorithm>
#include <random>
#include <span>

namespace slotless::observe {

namespace {

// version "-" trace-id "-" parent-id "-" flags
constexpr std::size_t kVersionDigits = 2;
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kLength = 55;
constexpr std::uint8_t kNoVersion = 0xff;
constexpr std::uint8_t kSampled = 1;

// Only lower case: the standard allows no other.
std::optional<std::uint8_t> digitOf(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

bool readHex(std::string_view text, std::span<std::uint8_t> bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto high = digitOf(text[2 * i]);
    const auto low = digitOf(text[2 * i + 1]);
    if (!high || !low) return false;
    bytes[i] = static_cast<std::uint8_t>((*high << 4U) | *low);
  }
  return true;
}

bool isZero(std::span<const std::uint8_t> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t each) { return each == 0; });
}

// Good enough to be different from all others, and cheap: they are no secrets.
void fillByChance(std::span<std::uint8_t> bytes) {
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  do {
    for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
      std::uint64_t number = random();
      for (std::size_t k = i; k < bytes.size() && k < i + sizeof(number); ++k, number >>= 8U)
        bytes[k] = static_cast<std::uint8_t>(number & 0xffU);
    }
  } while (isZero(bytes));
}

}  // namespace

std::optional<TraceParent> parseTraceParent(std::string_view text) noexcept {
  if (text.size() < kLength) return std::nullopt;
  if (text[kVersionDigits] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-')
    return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  TraceParent parent;
  if (!readHex(text, version) || !readHex(text.substr(kTraceAt), parent.trace) ||
      !readHex(text.substr(kSpanAt), parent.span) || !readHex(text.substr(kFlagsAt), flags))
    return std::nullopt;
  if (version[0] == kNoVersion || isZero(parent.trace) || isZero(parent.span)) return std::nullopt;
  // Version 0 ends here; what a later one adds begins with a dash.
  if (text.size() > kLength && (version[0] == 0 || text[kLength] != '-')) return std::nullopt;
  parent.sampled = (flags[0] & kSampled) != 0;
  return parent;
}

TraceId newTraceId() {
  TraceId id{};
  fillByChance(id);
  return id;
}

SpanId newSpanId() {
  SpanId id{};
  fillByChance(id);
  return id;
}

}  // namespace slotless::observe
