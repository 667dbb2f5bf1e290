// What commands are translated with.
#pragma once
#include <memory>

#include "protocol/command_table.h"
#include "proxy/databases/key_mapper.h"
#include "proxy/dispatch/context.h"
#include "proxy/observe/server_manners.h"

namespace slotless::session {

struct TranslationContext : Context {
  // Replaced when the servers know other commands; requests under way keep referring to the old table, see
  // Worker.
  std::shared_ptr<const protocol::CommandTable> commands;
  // Of the servers whose commands these are.
  ServerManners manners{};
  // What nodes get in place of the request at hand.
  databases::KeyMapper mapper{};
};

}  // namespace slotless::session
