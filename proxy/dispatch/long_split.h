// A command about so many keys that it is split by slot, and its parts are sent, in pieces: see work.h.
//
// For what Router::plan() does in one go otherwise; who asks for few keys never comes here. The order of the
// client's requests is kept: its next one is not taken up before all parts are on their way.
#pragma once
#include <memory>

#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/dispatch/completion.h"
#include "proxy/dispatch/leg_sender.h"
#include "proxy/dispatch/owned_request.h"
#include "proxy/dispatch/work.h"

namespace slotless::session {

// `request`: the client's last one, planned (see LegState); its client's input is released when all has been
// sent.
std::unique_ptr<Work> makeLongSplit(Context& context, Completion& completion, LegSender& sender,
                                    Request& request, const protocol::CommandSpec& spec,
                                    const databases::Database& database, OwnedRequest owned);

}  // namespace slotless::session
