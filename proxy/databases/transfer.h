// MOVE and COPY … DB, and COPY and RENAME into another slot: a key's value is read, restored at its
// destination and, to move it, deleted where it was if it is still the same. Between these steps both are
// there; a value that changes meanwhile is copied again. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::databases {

// What the client wants, with keys as its databases have them.
struct TransferRequest {
  std::string_view source;
  std::string_view destination;
  std::optional<std::string_view> database;  // its number
  bool replace = false;
};
// nullopt: no server would take it.
std::optional<TransferRequest> parseTransfer(protocol::Transfer kind, protocol::Argv argv);

// With keys as the cluster has them. `eval`: the word by which a script reads value and time to live at one
// moment; empty: one after the other, without scripts. To move or rename a key takes EVAL, for its deletion
// too.
void planTransfer(protocol::Transfer kind, std::string source, std::string destination, bool replace,
                  std::string_view eval, routing::Plan& plan);

}  // namespace slotless::databases
