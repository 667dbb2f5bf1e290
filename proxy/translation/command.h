// One request of a client as the session deals with it.
//
// Ownership: views into the client's input or into what TranslationContext has written in its place; good
// until the next request is taken up.
#pragma once
#include <memory>
#include <string_view>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct Command {
  const protocol::CommandSpec* said;  // by the client …
  const protocol::CommandSpec* spec;  // … and what nodes are asked for in its place, mostly the same
  protocol::Argv argv;
  std::string_view bytes;  // as a node gets it: never inline
  const databases::Database& database;
  std::string_view whole = {};  // as it has come, in the client's input
  std::string_view sent = {};   // what the client has sent, never inline
  std::string_view tail = {};   // follows `bytes`; still in the client's input
  // Makes the client's reply out of the node's one.
  std::unique_ptr<routing::Composer> composer = {};
  // MOVE and COPY between databases or slots: the steps that it is made of. It is a request by itself.
  std::unique_ptr<routing::Plan> steps = {};
  // Looks at more of its slot than the keys that it names, so that it has to wait while the slot is being
  // moved.
  bool wantsWholeSlot = false;
  // It is all of a transaction: its reply goes into an array.
  bool alone = false;
  // One Redis finds what is wrong with it when it runs it: in a transaction it is queued.
  bool wrongWhenRun = false;
};

}  // namespace slotless::session
