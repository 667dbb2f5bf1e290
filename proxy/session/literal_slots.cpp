#include "proxy/session/literal_slots.h"

#include "proxy/databases/literal_keys.h"

namespace slotless::session {

std::optional<protocol::Slot> LiteralSlots::slotOf(
    const protocol::CommandSpec& spec, protocol::Argv argv, ScriptCache& scripts,
    const std::shared_ptr<const protocol::CommandTable>& commands) {
  if (spec.scriptText <= 0 && spec.scriptSha <= 0) return std::nullopt;
  const ScriptRef script = spec.scriptText > 0
                               ? scripts.remember(argv[static_cast<std::size_t>(spec.scriptText)])
                               : scripts.find(argv[static_cast<std::size_t>(spec.scriptSha)]);
  if (script == nullptr) return std::nullopt;
  if (commands_ != commands || bySha_.size() >= kMostScripts) {
    bySha_.clear();
    commands_ = commands;
  }
  const auto [entry, isNew] = bySha_.try_emplace(script->sha);
  if (isNew) entry->second = databases::slotOfLiteralKeys(script->text, *commands);
  return entry->second;
}

}  // namespace slotless::session
