// Which keys of a grouped database belong together: those with the same group, which is a part of the key.
//
// Patterns with stars say which part: a key that begins as a pattern tells has for its group all from the
// beginning of the pattern's first star to the end of its last one. A star ends where what follows it in the
// pattern is found first, or, at a pattern's end, where the key ends. The first pattern that fits counts. A
// key that none fits, or whose part would be empty, is placed as by a cluster: by its hash tag, or its name.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "protocol/beginning.h"
#include "protocol/slot.h"

namespace slotless::databases {

class KeyGroups {
 public:
  KeyGroups() = default;
  // "bull:*:|tenant:*:", as config::objectionToGroupPatterns() takes it.
  explicit KeyGroups(std::string_view patterns);

  const std::string& patterns() const noexcept { return text_; }
  // A part of the key.
  std::string_view groupOf(std::string_view key) const noexcept;
  // The slot of the key's group.
  protocol::Slot slotOf(std::string_view key) const noexcept {
    return static_cast<protocol::Slot>(protocol::crc16(groupOf(key)) % protocol::kSlotCount);
  }

 private:
  struct Pattern {
    protocol::Beginning head;           // before the first star
    std::vector<std::string> literals;  // behind each star; empty: the key's end
  };

  // Empty: it does not fit.
  static std::string_view partOf(std::string_view key, const Pattern& pattern) noexcept;

  std::string text_;
  std::vector<Pattern> all_;
};

}  // namespace slotless::databases
