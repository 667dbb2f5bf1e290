// The names that rules may use: the commands that the servers know, those of the proxy's own, and their
// categories.
//
// Refers to the table and the extra commands, which outlive it.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"

namespace slotless::access {

class Vocabulary {
 public:
  // `own`: commands of the proxy that are in no table, with their subcommands.
  explicit Vocabulary(const protocol::CommandTable& table, std::span<const protocol::CommandSpec> own = {})
      : table_(table), own_(own) {}

  // "get", "config|get"; nullptr: not known.
  const protocol::CommandSpec* find(std::string_view name) const;
  // Without '@'. Redis's 21 always are; others if some command has them.
  bool hasCategory(std::string_view name) const;
  // All categories, Redis's first.
  std::vector<std::string> categories() const;
  // Calls `each` with every command, and with every subcommand and its container.
  using Each = std::function<void(const protocol::CommandSpec& spec, const protocol::CommandSpec* container)>;
  void visit(const Each& each) const;

 private:
  const protocol::CommandTable& table_;
  std::span<const protocol::CommandSpec> own_;
};

// Without '@'.
bool isInCategory(const protocol::CommandSpec& spec, std::string_view category) noexcept;

}  // namespace slotless::access
