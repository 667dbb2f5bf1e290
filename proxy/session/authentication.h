// AUTH and HELLO: a client proves that it knows the credentials that the proxy itself uses, and chooses its
// protocol. Source: Redis 7.0 acl.c authCommand(), networking.c helloCommand().
#pragma once
#include <string_view>

#include "proxy/session/local_commands.h"

namespace slotless::session {

void authenticate(LocalCall& call);
void hello(LocalCall& call);
// Names of clients must be printable and without spaces.
bool isClientName(std::string_view name) noexcept;

}  // namespace slotless::session
