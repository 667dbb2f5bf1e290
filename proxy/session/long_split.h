// A command about so many keys that it is split by slot, and its parts are sent, in pieces: see work.h.
//
// For what Router::plan() does in one go otherwise; who asks for few keys never comes here. The order of the
// client's requests is kept: its next one is not taken up before all parts are on their way.
#pragma once
#include <cstddef>
#include <memory>

#include "proxy/session/command.h"
#include "proxy/session/completion.h"
#include "proxy/session/leg_sender.h"
#include "proxy/session/owned_request.h"
#include "proxy/session/session_table.h"
#include "proxy/session/work.h"

namespace slotless::session {

// With fewer arguments a command is split in a millisecond.
inline constexpr std::size_t kManyArguments = 4096;
bool mayBeSplit(const Command& command, Mode mode);
// Are the keys many, and do they stand where the command's specification says it all?
inline bool splitsInPieces(const Command& command, Mode mode) {
  return command.argv.size() >= kManyArguments && mayBeSplit(command, mode);
}

// `request`: the client's last one, planned (see LegState); its client's input is released when all has been
// sent.
std::unique_ptr<Work> makeLongSplit(Services& services, Completion& completion, LegSender& sender,
                                    Request& request, const protocol::CommandSpec& spec,
                                    const databases::Database& database, OwnedRequest owned);

}  // namespace slotless::session
