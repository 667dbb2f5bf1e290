// MOVE and COPY … DB, and COPY and RENAME into another slot: a key's value is read, restored at its
// destination and, to move it, deleted where it was if it is still the same. Between these steps both are
// there; a value that changes meanwhile is copied again. Pure.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::databases {

// What the client wants, with keys as its databases have them.
struct TransferRequest {
  std::string_view source;
  std::string_view destination;
  bool replace = false;
};
// The numbers of databases are shown to `isThere` as they come, and the last one counts. nullopt: no server
// would take it, since one of them is not there, or because of its words.
std::optional<TransferRequest> parseTransfer(protocol::Transfer kind, protocol::Argv argv,
                                             const std::function<bool(std::string_view number)>& isThere);

// With keys as the cluster has them. `eval`: the word by which a script reads value and time to live at one
// moment; empty: one after the other, without scripts. To move or rename a key takes EVAL, for its deletion
// too.
void planTransfer(protocol::Transfer kind, std::string source, std::string destination, bool replace,
                  std::string_view eval, routing::Plan& plan);

}  // namespace slotless::databases
