// What Redis says to a subcommand with too many or unknown arguments. Source: Redis 7.0 networking.c
// addReplySubcommandSyntaxError().
#pragma once
#include <string>
#include <string_view>

#include "protocol/argv.h"

namespace slotless::session {

// The line, without '-' and CRLF. `container`: in upper case.
inline std::string wrongArguments(protocol::Argv argv, std::string_view container) {
  return "ERR unknown subcommand or wrong number of arguments for '" + std::string(argv[1]) + "'. Try " +
         std::string(container) + " HELP.";
}

}  // namespace slotless::session
