// XREAD and XREADGROUP over streams in several slots: one part for each slot, and one reply in the order of
// the streams. For a group all streams are asked first whether they have it, so that nothing is delivered
// where one of them gives an error. With BLOCK, `$` is looked up once, and while it waits errors are those
// that one server tells blocked clients. Source: Redis 7.0 and 7.2 blocked.c, Valkey 9.1. Pure.
#pragma once
#include <memory>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/attempts.h"

namespace slotless::cluster {
struct ServerIdentity;
}

namespace slotless::routing {

struct StreamReader {
  int protocol = 2;  // the client's
  // Newer ones run a blocked command again when one of its keys has something: it has the errors of any
  // other. nullptr: not known.
  const cluster::ServerIdentity* server = nullptr;
};

// nullptr: not a command of that kind. `names`: makes the client's reply of a node's; nullptr: it is the
// node's. Taken if the answer is not nullptr. Requires keys in more than one slot.
std::unique_ptr<Attempts> makeStreamReads(const protocol::CommandSpec& spec, protocol::Argv argv,
                                          StreamReader reader, std::unique_ptr<Composer>& names);

// Whether a server that reads the options comes to the timeout, since those in front of it are right. Of
// other commands: true.
bool areRightBeforeTimeout(const protocol::CommandSpec& spec, protocol::Argv argv);

}  // namespace slotless::routing
