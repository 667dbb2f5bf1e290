#include "proxy/observe/client_facts.h"

#include <algorithm>
#include <string>

#include "proxy/observe/server_manners.h"

namespace slotless::session {

namespace {

// Redis keeps that much of a reply in the client and the rest in a list.
constexpr std::size_t kReplyBuffer = 16384;

void append(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty() && out.back() != '\n') out += ' ';
  out += key;
  out += '=';
  out += value;
}
template <typename Number>
requires std::is_integral_v<Number>
void append(std::string& out, std::string_view key, Number value) {
  append(out, key, std::to_string(value));
}

}  // namespace

std::size_t sizeOf(protocol::Argv request) {
  const auto framed = [](std::size_t number) { return std::to_string(number).size() + 3; };  // *3\r\n
  std::size_t bytes = framed(request.size());
  for (const std::string_view argument : request) bytes += framed(argument.size()) + argument.size() + 2;
  return bytes;
}

void appendClientLine(std::string& out, const ClientFacts& facts, const ServerManners& manners) {
  const std::size_t buffered = std::min(facts.outputBytes, kReplyBuffer);
  const std::size_t listed = facts.outputBytes - buffered;
  append(out, "id", facts.id);
  append(out, "addr", facts.address);
  append(out, "laddr", facts.localAddress);
  append(out, "fd", facts.descriptor);
  append(out, "name", facts.name);
  append(out, "age", facts.ageSeconds);
  append(out, "idle", facts.idleSeconds);
  append(out, "flags", facts.flags);
  if (manners.showsCapabilities) append(out, "capa", facts.capabilities);
  append(out, "db", facts.database);
  append(out, "sub", facts.channels);
  append(out, "psub", facts.patterns);
  append(out, "ssub", facts.shardChannels);
  append(out, "multi", facts.queued);
  if (manners.showsWatches) append(out, "watch", facts.watchedKeys);
  append(out, "qbuf", facts.inputBytes);
  append(out, "qbuf-free", facts.inputRoom);
  append(out, "argv-mem", 0);
  append(out, "multi-mem", facts.queuedBytes);
  append(out, "rbs", std::max<std::size_t>(buffered, 1024));
  append(out, "rbp", buffered);
  append(out, "obl", buffered);
  append(out, "oll", (listed + kReplyBuffer - 1) / kReplyBuffer);
  append(out, "omem", listed);
  append(out, "tot-mem", facts.memoryBytes);
  append(out, "events", facts.events);
  append(out, "cmd", facts.command.empty() ? "NULL" : facts.command);
  append(out, "user", facts.user);
  append(out, "redir", facts.redirection);
  append(out, "resp", facts.protocol);
  append(out, "lib-name", facts.libraryName);
  append(out, "lib-ver", facts.libraryVersion);
  if (manners.showsThread) append(out, "io-thread", 0);
  if (manners.showsTraffic) {
    append(out, "tot-net-in", facts.bytesReceived);
    append(out, "tot-net-out", facts.bytesSent);
    append(out, "tot-cmds", facts.commands);
  }
  out += '\n';
}

}  // namespace slotless::session
