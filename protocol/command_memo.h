// Remembers which words have been looked up as commands lately: most clients use few commands, always in the
// same case.
//
// Ownership: refers to the table that it is asked about: with another one, begin with another memo.
// Single-threaded.
#pragma once
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "protocol/command_table.h"

namespace slotless::protocol {

class CommandMemo {
 public:
  // As CommandTable::find().
  const CommandSpec* find(const CommandTable& table, Argv argv, const CommandSpec** container) {
    const std::string_view word = argv.empty() ? std::string_view() : argv[0];
    if (word.empty() || word.size() > kLongest) return table.find(argv, container);
    Entry& entry = entries_[placeOf(word)];
    if (entry.size == word.size() && std::memcmp(entry.word.data(), word.data(), word.size()) == 0) {
      *container = nullptr;
      return entry.spec;
    }
    const CommandSpec* const found = table.find(argv, container);
    if (found != nullptr && found->subcommands.empty() && found->name.size() == word.size()) {
      entry.spec = found;
      entry.size = word.size();
      std::memcpy(entry.word.data(), word.data(), word.size());
    }
    return found;
  }

 private:
  static constexpr std::size_t kLongest = 16;
  static constexpr std::size_t kEntries = 32;

  struct Entry {
    std::array<char, kLongest> word{};
    std::size_t size = 0;
    const CommandSpec* spec = nullptr;
  };

  static std::size_t placeOf(std::string_view word) noexcept {
    return (static_cast<unsigned char>(word.front()) + 7 * word.size() +
            static_cast<unsigned char>(word.back())) %
           kEntries;
  }

  std::array<Entry, kEntries> entries_{};
};

}  // namespace slotless::protocol
