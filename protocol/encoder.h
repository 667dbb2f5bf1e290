// Writes RESP: what the proxy itself says to clients, and requests it has to write anew.
// All functions append to `out`; texts must not contain CR or LF (they are replaced by spaces, as Redis
// does).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/argv.h"

namespace slotless::protocol {

void appendSimple(std::string& out, std::string_view text);  // +text
// The line as Redis sends it, code first: appendError(out, "ERR unknown command").
void appendError(std::string& out, std::string_view line);
void appendInteger(std::string& out, std::int64_t value);
void appendBulk(std::string& out, std::string_view bytes);
void appendNullBulk(std::string& out);   // $-1 (RESP2)
void appendNullArray(std::string& out);  // *-1 (RESP2)
void appendArrayHeader(std::string& out, std::size_t elements);
// The shapes that differ between the protocols: `protocol` is 2 or 3.
void appendNull(std::string& out, int protocol);                                 // $-1 or _
void appendNullArrayIn(std::string& out, int protocol);                          // *-1 or _
void appendMapHeader(std::string& out, int protocol, std::size_t pairs);         // *2n or %n
void appendSetHeader(std::string& out, int protocol, std::size_t elements);      // *n or ~n
void appendPushHeader(std::string& out, int protocol, std::size_t elements);     // *n or >n
void appendVerbatimText(std::string& out, int protocol, std::string_view text);  // bulk or =txt:
// "*<argc>" and one bulk per argument.
void appendRequest(std::string& out, Argv argv);

}  // namespace slotless::protocol
