// Which commands are about so many keys that they are split, and their parts sent, in pieces
// (dispatch/long_split.h).
#pragma once
#include <cstddef>

#include "proxy/session/session_table.h"
#include "proxy/translation/command.h"

namespace slotless::session {

// With fewer arguments a command is split in a millisecond.
inline constexpr std::size_t kManyArguments = 4096;
bool mayBeSplit(const Command& command, Mode mode);
// Are the keys many, and do they stand where the command's specification says it all?
inline bool splitsInPieces(const Command& command, Mode mode) {
  return command.argv.size() >= kManyArguments && mayBeSplit(command, mode);
}

}  // namespace slotless::session
