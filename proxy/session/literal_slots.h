// Where scripts belong that declare no keys and name them in their text, see databases/literal_keys.h.
//
// One for each worker. A text is read once; what has been found is forgotten when there are too many, or when
// the commands change.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/command_table.h"
#include "protocol/slot.h"
#include "proxy/scripts/script_cache.h"

namespace slotless::session {

class LiteralSlots {
 public:
  // Of EVAL and EVALSHA. nullopt: that is not told, or the script is not known.
  std::optional<protocol::Slot> slotOf(const protocol::CommandSpec& spec, protocol::Argv argv,
                                       ScriptCache& scripts,
                                       const std::shared_ptr<const protocol::CommandTable>& commands);

 private:
  static constexpr std::size_t kMostScripts = 4096;

  std::shared_ptr<const protocol::CommandTable> commands_;  // by which they were read
  std::unordered_map<std::string, std::optional<protocol::Slot>> bySha_;
};

}  // namespace slotless::session
