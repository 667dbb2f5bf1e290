#include "protocol/command_ids.h"

#include "protocol/command_facts.h"
#include "protocol/command_overrides.h"

namespace slotless::protocol {
namespace {

std::string_view nameIn(std::string_view factLine) {
  return factLine.substr(0, factLine.find(' '));
}

}  // namespace

CommandIds& CommandIds::ofProcess() {
  // Never destroyed: threads may ask for names until the very end.
  static auto* const ids = new CommandIds;
  return *ids;
}

CommandIds::CommandIds() {
  for (const std::string_view line : builtInFactLines()) idOf(nameIn(line));
  for (const std::string_view line : addedFactLines()) idOf(nameIn(line));
}

std::uint16_t CommandIds::idOf(std::string_view name) {
  const std::lock_guard guard(mutex_);
  if (const auto known = ids_.find(name); known != ids_.end()) return known->second;
  if (names_.size() == kOverflow) return kOverflow;
  const auto id = static_cast<std::uint16_t>(names_.size());
  ids_.emplace(names_.emplace_back(name), id);
  return id;
}

std::string_view CommandIds::nameOf(std::size_t id) const {
  if (id == kOverflow) return kOverflowName;
  const std::lock_guard guard(mutex_);
  return id < names_.size() ? std::string_view(names_[id]) : std::string_view();
}

}  // namespace slotless::protocol
