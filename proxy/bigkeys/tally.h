// How many keys there are and how much they take, by database and type, with the largest of each. Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/slot.h"

namespace slotless::bigkeys {

struct Key {
  std::string name;  // as its database calls it
  std::uint64_t bytes = 0;
  protocol::Slot slot = protocol::kNoSlot;
  std::string node;
};

struct Group {
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  std::vector<Key> largest;  // first
};

class Tally {
 public:
  explicit Tally(std::size_t most) : most_(most) {}

  // `database`: none: the key has a name that no database has as they are laid out.
  void add(std::optional<std::uint32_t> database, std::string_view type, Key key);

  using Groups = std::map<std::pair<std::optional<std::uint32_t>, std::string>, Group>;
  const Groups& groups() const noexcept { return groups_; }

 private:
  const std::size_t most_;  // of the largest of each group
  Groups groups_;
};

struct Coverage {
  std::size_t masters = 0;
  std::vector<std::string> missing;  // "10.0.0.1:6379: why", of masters whose keys are not all there
};

std::string textReport(const Tally& tally, const Coverage& coverage);
// One document a line: each group, then the whole.
std::string jsonReport(const Tally& tally, const Coverage& coverage);

}  // namespace slotless::bigkeys
