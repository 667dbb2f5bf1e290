// Commands that block, called back from their server before a cut-over (upstream migrating).
//
// The server itself decides whether one of them is sent away or has got its element: so nothing is taken for
// a client that does not get it. What has been sent away goes back into its client's input, with what is left
// of its time, and is taken up again where it waits for by then. Requires that the worker's gate is shut,
// see PauseGate::shut().
#pragma once
#include <cstddef>

#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/net/byte_chain.h"

namespace slotless::session {

struct Services;

struct CalledBack {
  std::size_t underWay = 0;  // requests that do not block …
  std::size_t blocked = 0;   // … and that do, still
  bool isDenied = false;     // the server does not tell under which number it knows a connection
};

// One look at this worker, to be repeated until nothing is under way and nothing blocks.
CalledBack callBack(Services& services);

// A request as its client has sent it, of one whose keys have the names that they have in the cluster.
void takeNamesOff(const protocol::CommandSpec& spec, const databases::Database& database,
                  net::ByteChain& bytes);

}  // namespace slotless::session
