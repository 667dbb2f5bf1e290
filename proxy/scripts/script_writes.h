// May a call of a script change data? Scripts can say of themselves that they do not.
#pragma once
#include <string_view>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/scripts/script_cache.h"

namespace slotless::session {

// COMMAND's facts alone decide of all but EVAL and EVALSHA; what a function has declared the nodes know, see
// FunctionFlags.
// Source: redis.io/docs/latest/develop/programmability/eval-intro (shebang, flags=no-writes).
bool mayReplicate(const protocol::CommandSpec& spec, protocol::Argv argv, ScriptCache& scripts);
// The name of the function that FCALL calls; empty: it is no FCALL.
std::string_view functionCalledBy(const protocol::CommandSpec& spec, protocol::Argv argv);

}  // namespace slotless::session
