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

// The pieces of a request, written into room that is there; all return the place behind what they wrote.
inline constexpr std::size_t kMostAroundBulk = 1 + 20 + 2 + 2;  // a type byte, digits, two line ends
char* writeArrayHeader(char* to, std::size_t elements) noexcept;
char* writeBulk(char* to, std::string_view bytes) noexcept;

// As appendRequest(), quicker where it is short: in room that is made once. `forEach(visit)` calls
// visit(argument) for each argument, and is called twice.
template <typename ForEach>
void appendRequestOf(std::string& out, std::size_t arguments, const ForEach& forEach) {
  std::size_t most = kMostAroundBulk;
  forEach([&](std::string_view argument) { most += kMostAroundBulk + argument.size(); });
  constexpr std::size_t kShort = 4096;  // new room is filled with zeros first
  if (most > kShort) {
    appendArrayHeader(out, arguments);
    forEach([&](std::string_view argument) { appendBulk(out, argument); });
    return;
  }
  const std::size_t before = out.size();
  out.resize(before + most);
  char* next = writeArrayHeader(out.data() + before, arguments);
  forEach([&](std::string_view argument) { next = writeBulk(next, argument); });
  out.resize(static_cast<std::size_t>(next - out.data()));
}

}  // namespace slotless::protocol
