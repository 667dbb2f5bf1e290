#include "proxy/session/client_snapshot.h"

#include <chrono>

#include "protocol/command_ids.h"
#include "proxy/session/client.h"
#include "proxy/session/node_user.h"
#include "proxy/session/refusal.h"

namespace slotless::session {

namespace {

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

}  // namespace

std::string clientUser(const Client& client, const Services& services) {
  if (client.account() != nullptr) return client.account()->user().name;
  if (client.nodeUser() != nullptr && !client.nodeUser()->name.empty()) return client.nodeUser()->name;
  const config::Config& config = services.config;
  return requiresAuthentication(config) && !config.username.empty() ? config.username : "default";
}

std::string clientLine(const Client& client, const Services& services) {
  std::string line;
  appendClientLine(line, factsOf(client, services), services.manners);
  line.pop_back();
  return line;
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
    facts.queuedBytes = transaction->memoryBytes();
  }
  facts.inputBytes = client.inputBytes();
  facts.inputRoom = client.inputRoom();
  facts.outputBytes = client.outputBytes();
  facts.memoryBytes = client.footprint();
  facts.events = std::string("r") + (client.outputBytes() > 0 ? "w" : "");
  facts.command = protocol::CommandIds::ofProcess().nameOf(client.lastCommand());
  facts.user = clientUser(client, services);
  facts.protocol = client.protocol;
  facts.redirection = tracks(conversation) ? conversation.tracking()->mode().redirect() : -1;
  facts.libraryName = client.libraryName;
  facts.encryption = client.encryption();
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

}  // namespace slotless::session
