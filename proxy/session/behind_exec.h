// Which commands that nodes are asked for are answered behind a transaction's EXEC (see exec_walk.h).
#pragma once
#include <string_view>

#include "protocol/command_spec.h"

namespace slotless::session {

struct BehindExec {
  std::string_view command;
  // The proxy makes the reply of the nodes', also of one server's. Otherwise it goes with the others where it
  // has one place.
  bool composed = true;
  // It changes what nodes do: in one Redis what follows it would feel that.
  bool changes = false;
};

// nullptr: not that one.
const BehindExec* findBehindExec(const protocol::CommandSpec& spec) noexcept;

}  // namespace slotless::session
