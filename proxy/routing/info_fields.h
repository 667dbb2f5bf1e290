// How the values of one INFO field on several nodes become one: a table, field by field.
#pragma once
#include <cstdint>
#include <string_view>

namespace slotless::routing {

enum class InfoRule : std::uint8_t {
  Sum,
  SumOfLimits,  // 0 means "no limit", and then there is none for all
  Maximum,      // also of ratios: the worst node counts
  Minimum,
  First,     // the same everywhere, or about the build
  Status,    // "ok", unless one node says something else
  Human,     // "1.50M": written anew from the field without "_human"
  Counters,  // "calls=1,usec=2": part by part
  Lines,     // each different line once
  Leave,     // about the nodes themselves: of one standalone server it would not be so, or not be there
};

InfoRule infoRule(std::string_view section, std::string_view field) noexcept;

// The parts of InfoRule::Counters.
enum class CounterRule : std::uint8_t { Sum, Maximum, UsecPerCall, AverageByExpires };
CounterRule counterRule(std::string_view part) noexcept;

}  // namespace slotless::routing
