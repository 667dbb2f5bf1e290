// AUTH and HELLO: a client proves that it knows the credentials that the proxy itself uses, and chooses its
// protocol. Source: Redis 7.0 acl.c authCommand(), networking.c helloCommand().
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "proxy/commands/local_commands.h"

namespace slotless::session {

void authenticate(LocalCall& call);
void hello(LocalCall& call);
// What CLIENT LIST shows must be printable, without spaces, and short: as many as there are clients are kept.
// nullopt: it is. Otherwise the error line, where `what` cannot be such.
inline constexpr std::size_t kLongestName = 1024;
inline constexpr std::string_view kClientNames = "Client names";
std::optional<std::string> objectionToName(std::string_view name, std::string_view what);

}  // namespace slotless::session
