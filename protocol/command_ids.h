// Gives every command name one small number for good, so that counters survive a change of the table.
//
// Safe on any thread. Names are never given back: they are bounded by kCapacity, and what comes later shares
// one id. The built-in names come first, in the order of their table; they always have ids of their own.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace slotless::protocol {

class CommandIds {
 public:
  // Built in are 367; Redis 8 and Valkey 8 with all of their modules stay below 700.
  static constexpr std::size_t kCapacity = 1024;
  // What all names share for which no id is left.
  static constexpr std::uint16_t kOverflow = kCapacity - 1;
  // What no name has.
  static constexpr std::uint16_t kNone = 0xFFFF;
  static constexpr std::string_view kOverflowName = "other";

  // The one that all tables of the process use.
  static CommandIds& ofProcess();

  CommandIds();
  CommandIds(const CommandIds&) = delete;
  CommandIds& operator=(const CommandIds&) = delete;

  // The id of "name" or "container|sub", in lower case; a new one if the name is new.
  std::uint16_t idOf(std::string_view name);
  // Empty: nobody has that id. The text lives as long as this object.
  std::string_view nameOf(std::size_t id) const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> names_;  // texts that never move
  std::unordered_map<std::string_view, std::uint16_t> ids_;
};

}  // namespace slotless::protocol
