// All commands that are known, found by name without case; immutable once built.
//
// Ownership: specs and names live as long as the table, which is neither copied nor moved.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"

namespace slotless::protocol {

class CommandTable {
 public:
  // Takes facts (name, arity, flagNames, categoryNames, keys, tips, subcommands), derives the rest of each
  // spec (flag bits, policies, handling, ids …) by the table of overrides, and indexes them. Commands that
  // the proxy answers itself but the facts lack (CLIENT SETINFO) are added. Of equal names the first one
  // counts.
  explicit CommandTable(std::vector<CommandSpec> facts);
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  // The table built in: what Redis 7.0.15 reports. Built on first use.
  static std::shared_ptr<const CommandTable> builtIn();

  // "name" or "container|sub", as COMMAND INFO takes it; nullptr if unknown. No allocation, any case.
  const CommandSpec* find(std::string_view name) const noexcept;
  // Resolves containers: argv {"object", "encoding", …} gives "object|encoding"; a container alone gives
  // itself. nullptr: unknown command or subcommand; `container` (if given) is then set to the container when
  // only the subcommand is unknown, and to nullptr in all other cases.
  const CommandSpec* find(Argv argv, const CommandSpec** container = nullptr) const noexcept;
  std::span<const CommandSpec> commands() const noexcept { return commands_; }
  // All ids in this table are smaller (see CommandIds).
  std::size_t idCount() const noexcept { return idCount_; }

 private:
  struct Bucket {
    std::string_view key;  // a command's name, or the part of a subcommand's behind the '|'
    const CommandSpec* container = nullptr;
    const CommandSpec* spec = nullptr;  // nullptr: empty
  };

  void insert(std::string_view key, const CommandSpec* container, const CommandSpec& spec);
  const CommandSpec* lookUp(std::string_view key, const CommandSpec* container) const noexcept;

  std::vector<CommandSpec> commands_;
  std::vector<Bucket> buckets_;  // open addressing, power of two
  std::size_t longestKey_ = 0;
  std::size_t idCount_ = 0;
};

}  // namespace slotless::protocol
