// One request of a client as the session deals with it.
//
// Ownership: views into the client's input or into Services::rewritten; good until the next request is taken
// up.
#pragma once
#include <string_view>

#include "protocol/argv.h"
#include "protocol/command_spec.h"

namespace slotless::session {

struct Command {
  const protocol::CommandSpec& spec;
  protocol::Argv argv;
  std::string_view bytes;  // as a node gets it: never inline
};

}  // namespace slotless::session
