// Gives keys in replies the names back that they have in their database.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::databases {

// The text of an error, with the database's own names of the keys in it.
std::string withoutPrefix(std::string_view line, const Database& database);
// A bulk string with a key's name in the cluster as the database has it; anything else as it is.
void appendName(std::string& out, std::string_view element, const Database& database);
// Of lists of keys, one part or several: those of the database that match, by the names that they have there.
std::unique_ptr<routing::Composer> listComposer(const Database& database, std::string pattern);
// The first key among the parts, if any: a nil of the protocol otherwise.
std::unique_ptr<routing::Composer> firstKeyComposer(const Database& database, int protocol);
// Appends an array of those of `keys` that are the database's and match.
void appendOwnKeys(std::string& out, std::span<const std::string_view> keys, const Database& database,
                   std::string_view pattern);
// nullptr: the replies name no keys.
std::unique_ptr<routing::Composer> composerFor(protocol::ReplyNames names, const Database& database);

}  // namespace slotless::databases
