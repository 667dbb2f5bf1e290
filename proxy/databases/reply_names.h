// Gives keys in replies the names back that they have in their database.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::databases {

// The text of an error, without the prefix wherever it stands in it.
std::string withoutPrefix(std::string_view line, std::string_view prefix);
// A bulk string with a key's name in the cluster as the database has it; anything else as it is.
void appendName(std::string& out, std::string_view element, std::string_view prefix);
// nullptr: the replies name no keys.
std::unique_ptr<routing::Composer> composerFor(protocol::ReplyNames names, const Database& database);

}  // namespace slotless::databases
