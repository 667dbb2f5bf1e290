// Single commands that go out as a transaction of the proxy's own.
//
// Those that some node carries out for a slot that is not its own (CommandSpec::slotUnchecked) stand behind
// EXISTS of the same keys, which every node checks. A wrong node redirects EXISTS, and nothing of the
// transaction is run; it is then routed anew like any other. And those that block, of a client that may have
// left: in a transaction they take what is there and do not wait.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/slot.h"
#include "proxy/databases/database.h"
#include "proxy/dispatch/request.h"
#include "proxy/net/byte_chain.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

// EXISTS of the command's keys, as a request. Requires that it has keys.
std::string slotGuardOf(const protocol::CommandSpec& spec, protocol::Argv argv);

// How many replies come before EXEC's: those to MULTI, EXISTS and the command.
inline constexpr std::uint32_t kGuardedPreludes = 3;
// MULTI, the guard, the command (`bytes`, then `tail`), EXEC.
net::ByteChain guardedBatch(const protocol::CommandSpec& spec, protocol::Argv argv, std::string_view bytes,
                            std::string_view tail, net::BlockPool& pool);
// Changes a request that blocks, `bytes`, and is on no link, into one that does not, and gives its bytes.
net::ByteChain makeUnblocked(Request& request, const databases::Database& database, net::ByteChain& bytes,
                             net::BlockPool& pool);
// The command's own reply out of EXEC's, where it is the last one. `database`: whose prefix errors must not
// show. It must outlive the request.
std::unique_ptr<routing::Composer> guardedReply(const databases::Database& database,
                                                std::unique_ptr<routing::Composer> inner);

}  // namespace slotless::session
