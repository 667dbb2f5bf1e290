// Why a request is not carried out: the checks before routing, with Redis's texts where Redis has one.
// Source: Redis 7.0 server.c commandCheckExistence(), commandCheckArity(), processCommand().
#pragma once
#include <string>
#include <string_view>

#include "config/config.h"
#include "protocol/argv.h"
#include "protocol/command_spec.h"

namespace slotless::session {

inline constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";

// Known, and with the right number of arguments? Otherwise `error` is the line for the client, without '-'
// and CRLF. `spec` is nullptr for an unknown command; then `container` is set if only the subcommand is
// unknown.
bool checkCommand(const protocol::CommandSpec* spec, const protocol::CommandSpec* container,
                  protocol::Argv argv, std::string& error);
// Is the word one that begins a line of HTTP? A web page can have a browser send it here.
bool isCrossProtocol(std::string_view word) noexcept;
// May the proxy answer this client? Not what the console keeps for administrators.
bool mayAnswer(const protocol::CommandSpec& spec, const config::Config& config, std::string& error);
// May a command that the proxy does not answer itself go to a node?
bool mayRoute(const protocol::CommandSpec& spec, protocol::Argv argv, const config::Config& config,
              std::string& error);

}  // namespace slotless::session
