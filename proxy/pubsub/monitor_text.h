// A command as a line of MONITOR, as one Redis writes it: `+1700000000.000001 [0 127.0.0.1:1] "GET" "a"`.
// Source: Redis 7.0 replication.c replicationFeedMonitors(), sds.c sdscatrepr().
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/argv.h"

namespace slotless::pubsub {

// The arguments, each quoted, with a blank in front; secrets are redacted.
std::string monitoredArguments(protocol::Argv argv);
// Any bytes, quoted as an argument there.
std::string quotedText(std::string_view text);
// What a line has behind its time: database, address and arguments.
std::string monitoredCommand(std::uint32_t database, std::string_view address, std::string_view arguments);
// A whole line, as of now.
void appendMonitorLine(std::string& out, std::string_view command);

}  // namespace slotless::pubsub
