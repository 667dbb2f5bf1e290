// May a client's user run this command? Refusals are counted, and kept for ACL LOG.
//
// Asked once per command, before anything else is made of it: keys are the client's own names in its
// database. Source: Redis 7.0 server.c processCommand().
#pragma once
#include <string>

#include "protocol/argv.h"
#include "protocol/command_spec.h"

namespace slotless::session {

class Client;
struct Services;

// Requires that the client has a user. False: it may; otherwise `line` is for the client, without '-' and
// CRLF.
bool isForbidden(Client& client, Services& services, const protocol::CommandSpec& spec, protocol::Argv argv,
                 std::string& line);

// AUTH and HELLO, of what may come before the login.
bool logsIn(const protocol::CommandSpec& spec) noexcept;
// HELLO need not.
bool logsIn(const protocol::CommandSpec& spec, protocol::Argv argv) noexcept;

}  // namespace slotless::session
