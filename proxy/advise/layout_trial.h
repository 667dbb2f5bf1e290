// What a layout would do to a database: how its keys would be spread, and what of its use would cross. Pure.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "proxy/advise/usage.h"
#include "proxy/databases/key_groups.h"

namespace slotless::advise {

// A key that has been looked at.
struct SampledKey {
  std::string name;
  std::int64_t bytes = 0;  // 0: not known
};

struct LayoutChoice {
  config::DatabaseLayout layout = config::DatabaseLayout::Spread;
  std::string patterns = {};  // of a grouped one

  bool operator==(const LayoutChoice&) const = default;
};

// As a group is named; keys that must be together are those with the same.
std::string_view groupIn(const LayoutChoice& choice, const databases::KeyGroups& groups,
                         std::string_view key);

struct Crossing {
  std::uint64_t count = 0;
  std::string example = {};  // "MULTI with user:1 and user:2"
};

// Where keys would be.
struct Spreading {
  std::size_t groups = 0;
  std::string largest = {};  // as the group is named
  std::size_t largestKeys = 0;
  std::int64_t largestBytes = 0;
  double largestShare = 0;  // of the keys
};

struct Trial {
  LayoutChoice choice;
  Spreading spreading;
  std::array<Crossing, kUseKinds> crossing{};  // by UseKind

  std::uint64_t crossingOf(UseKind kind) const noexcept {
    return crossing[static_cast<std::size_t>(kind)].count;
  }
  // What is refused, or not done at one moment any more.
  std::uint64_t lost() const noexcept {
    return crossingOf(UseKind::Command) + crossingOf(UseKind::Transaction) + crossingOf(UseKind::Script);
  }
};

Trial tryLayout(LayoutChoice choice, std::span<const SampledKey> keys, std::span<const Use> uses);

}  // namespace slotless::advise
