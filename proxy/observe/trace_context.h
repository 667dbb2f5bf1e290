// Which trace a request belongs to, as W3C has it: https://www.w3.org/TR/trace-context/ (level 1). What a
// client says is a traceparent, "00-<32 hex digits>-<16 hex digits>-<2 hex digits>".
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slotless::observe {

// As bytes, in the order in which they are written. All zero: none.
using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

struct TraceParent {
  TraceId trace{};
  SpanId span{};
  bool sampled = false;  // whoever has made it records it

  bool operator==(const TraceParent&) const = default;
};

// nullopt: it is none. Of later versions what is known of this one counts, as the standard wants.
std::optional<TraceParent> parseTraceParent(std::string_view text) noexcept;

// By chance, never zero. Any thread.
TraceId newTraceId();
SpanId newSpanId();

}  // namespace slotless::observe
