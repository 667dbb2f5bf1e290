#include "proxy/session/client_facts.h"

#include <algorithm>
#include <chrono>

#include "protocol/command_ids.h"
#include "protocol/encoder.h"
#include "proxy/session/client.h"
#include "proxy/session/refusal.h"

namespace slotless::session {

namespace {

// Redis keeps that much of a reply in the client and the rest in a list.
constexpr std::size_t kReplyBuffer = 16384;

bool tracks(const Conversation& conversation) {
  return conversation.tracking() != nullptr && conversation.tracking()->mode().on();
}

std::string flagsOf(const Client& client) {
  const Conversation& conversation = client.conversation();
  std::string flags;
  if (conversation.monitoring()) flags += 'O';
  if (conversation.subscribed()) flags += 'P';
  if (conversation.mode() == Mode::Queueing) flags += 'x';
  if (conversation.blocked() || client.postponed()) flags += 'b';
  if (tracks(conversation)) flags += 't';
  if (tracks(conversation) && conversation.tracking()->redirectBroken()) flags += 'R';
  if (tracks(conversation) && conversation.tracking()->mode().broadcast()) flags += 'B';
  if (conversation.watch().broken()) flags += 'd';
  if (client.state() == ClientState::Closing) flags += 'c';
  if (client.peer().port == 0) flags += 'U';
  if (client.noEvict) flags += 'e';
  if (client.noTouch) flags += 'T';
  if (client.readOnly) flags += 'r';
  return flags.empty() ? "N" : flags;
}

std::int64_t secondsSince(net::TimePoint then, net::TimePoint now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
}

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

std::string clientUser(const Services& services) {
  const config::Config& config = services.config;
  return requiresAuthentication(config) && !config.username.empty() ? config.username : "default";
}

ClientFacts factsOf(const Client& client, const Services& services) {
  const Conversation& conversation = client.conversation();
  ClientFacts facts;
  facts.id = client.id();
  facts.type = conversation.subscribed() ? ClientType::PubSub : ClientType::Normal;
  facts.address = client.peer().text();
  facts.host = client.peer().host;
  facts.localAddress = client.localAddress().text();
  facts.descriptor = client.descriptor();
  facts.name = client.name;
  // As it calls it itself.
  facts.database = client.numbering().numberOf(client.database()).value_or(client.database().index);
  facts.ageSeconds = secondsSince(client.createdAt(), services.host.now);
  facts.idleSeconds = secondsSince(client.lastActive(), services.host.now);
  facts.flags = flagsOf(client);
  if (const Subscriptions* subscriptions = conversation.subscriptions()) {
    facts.channels = subscriptions->count(pubsub::TopicKind::Channel);
    facts.patterns = subscriptions->count(pubsub::TopicKind::Pattern);
    facts.shardChannels = subscriptions->count(pubsub::TopicKind::Shard);
  }
  if (const Transaction* transaction = conversation.transaction()) {
    facts.queued = static_cast<std::int64_t>(transaction->size());
    facts.queuedBytes = transaction->bytes();
  }
  facts.inputBytes = client.inputBytes();
  facts.inputRoom = client.inputRoom();
  facts.outputBytes = client.outputBytes();
  facts.memoryBytes = client.footprint();
  facts.events = std::string("r") + (client.outputBytes() > 0 ? "w" : "");
  facts.command = protocol::CommandIds::ofProcess().nameOf(client.lastCommand());
  facts.user = clientUser(services);
  facts.protocol = client.protocol;
  facts.redirection = tracks(conversation) ? conversation.tracking()->mode().redirect() : -1;
  facts.libraryName = client.libraryName;
  facts.libraryVersion = client.libraryVersion;
  if (client.takesRedirects) facts.capabilities = "r";
  facts.watchedKeys = conversation.watch().keys();
  facts.bytesReceived = client.traffic().bytesReceived;
  facts.bytesSent = client.traffic().bytesSent;
  facts.commands = client.traffic().commands;
  facts.pending = client.pending().size();
  facts.held = client.held().legs;
  return facts;
}

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
