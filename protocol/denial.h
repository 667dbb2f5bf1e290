// Whether an error says that a server will not do something at all: it does not know the command, or forbids
// it to this user.
//
// Source: Redis 5 to 8, Valkey 7 to 9 (server.c rejectCommand(), acl.c, script.c), and what managed services
// answer to commands that they have taken away. Such a text says that nothing has been done; but a script may
// have written before it came upon a command that is denied.
#pragma once
#include <string_view>

namespace slotless::protocol {

// `line`: an error reply's line, with or without the leading '-' and the trailing CRLF.
bool isDenial(std::string_view line) noexcept;
// The same about a command within a script: the script itself was let in.
bool isDenialInScript(std::string_view line) noexcept;

}  // namespace slotless::protocol
