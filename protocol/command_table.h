// All commands that are known, found by name without case; immutable once built.
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
  // Takes facts (name … subcommands of each spec), derives the rest of each spec (handling, ids …) by the table of
  // overrides, and indexes them.
  explicit CommandTable(std::vector<CommandSpec> facts);

  // The table built in: what Redis 7.0.15 reports. Built on first use.
  static std::shared_ptr<const CommandTable> builtIn();

  // nullptr if unknown. No allocation, any case.
  const CommandSpec* find(std::string_view name) const noexcept;
  // Resolves containers: argv {"object", "encoding", …} gives "object|encoding". nullptr: unknown command or subcommand;
  // `container` (if given) is then set to the container when only the subcommand is unknown.
  const CommandSpec* find(Argv argv, const CommandSpec** container = nullptr) const noexcept;
  std::span<const CommandSpec> commands() const noexcept { return commands_; }
  // How many ids there are: commands and subcommands.
  std::size_t idCount() const noexcept { return names_.size(); }
  // The name of the command with that id.
  std::string_view nameOf(std::size_t id) const noexcept { return names_[id]; }

 private:
  std::vector<CommandSpec> commands_;
  std::vector<std::string_view> names_;
  std::vector<const CommandSpec*> buckets_;  // open addressing, power of two
};

}  // namespace slotless::protocol
