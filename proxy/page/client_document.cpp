// Clients: who they are, what they do, wait for and hold.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "proxy/page/documents.h"
#include "proxy/page/json.h"

namespace slotless::page {

namespace {

using session::ClientFacts;

bool hasFlag(const ClientFacts& client, char flag) {
  return client.flags.find(flag) != std::string::npos;
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

struct Rule {
  bool (*applies)(const ClientFacts&);
  std::string (*text)(const ClientFacts&);
};

constexpr Rule kWaits[] = {
    {[](const ClientFacts& c) { return c.held > 0; },
     [](const ClientFacts& c) { return "a node that can take " + counted(c.held, "request", "requests"); }},
    {[](const ClientFacts& c) { return hasFlag(c, 'b'); },
     [](const ClientFacts&) { return std::string("what its blocking command waits for"); }},
    {[](const ClientFacts& c) { return c.pending > c.held && !hasFlag(c, 'b'); },
     [](const ClientFacts& c) { return "answers to " + counted(c.pending - c.held, "request", "requests"); }},
    {[](const ClientFacts& c) { return c.outputBytes > 0; },
     [](const ClientFacts& c) { return "itself to read " + counted(c.outputBytes, "byte", "bytes"); }}};

constexpr Rule kHolds[] = {
    {[](const ClientFacts& c) { return c.queued >= 0; },
     [](const ClientFacts& c) {
       return "a transaction of " + counted(static_cast<std::size_t>(c.queued), "command", "commands");
     }},
    {[](const ClientFacts& c) { return c.watchedKeys > 0; },
     [](const ClientFacts& c) { return "a watch on " + counted(c.watchedKeys, "key", "keys"); }},
    {[](const ClientFacts& c) { return c.channels + c.patterns + c.shardChannels > 0; },
     [](const ClientFacts& c) {
       return counted(c.channels + c.patterns + c.shardChannels, "subscription", "subscriptions");
     }},
    {[](const ClientFacts& c) { return hasFlag(c, 't'); },
     [](const ClientFacts&) { return std::string("client-side caching"); }},
    {[](const ClientFacts& c) { return hasFlag(c, 'O'); },
     [](const ClientFacts&) { return std::string("MONITOR"); }}};

template <std::size_t N>
Json textsOf(const Rule (&rules)[N], const ClientFacts& client) {
  Json texts = Json::array();
  for (const Rule& rule : rules) {
    if (rule.applies(client)) texts.push_back(rule.text(client));
  }
  return texts;
}

Json clientPart(const ClientFacts& client) {
  return {{"id", client.id},
          {"worker", client.worker},
          {"address", client.address},
          {"local_address", client.localAddress},
          {"name", client.name},
          {"user", client.user},
          {"library", client.libraryName.empty() ? "" : client.libraryName + " " + client.libraryVersion},
          {"database", client.database},
          {"protocol", client.protocol},
          {"encryption", client.encryption.empty() ? Json(nullptr) : Json(client.encryption)},
          {"age_s", client.ageSeconds},
          {"idle_s", client.idleSeconds},
          {"flags", client.flags},
          {"last_command", client.command},
          {"commands_total", client.commands},
          {"pending_requests", client.pending},
          {"held_requests", client.held},
          {"memory_bytes", client.memoryBytes},
          {"output_bytes", client.outputBytes},
          {"received_bytes_total", client.bytesReceived},
          {"sent_bytes_total", client.bytesSent},
          {"waits_for", textsOf(kWaits, client)},
          {"holds", textsOf(kHolds, client)}};
}

}  // namespace

std::string clientsDocument(PageSources& sources, const std::string& match) {
  const ClientList list = sources.clients(match);
  Json json = document();
  json["connected"] = list.connected;
  json["looked_at"] = list.lookedAt;
  json["complete"] = list.complete;
  json["match"] = match;
  Json clients = Json::array();
  for (const ClientFacts& client : list.clients) clients.push_back(clientPart(client));
  json["clients"] = std::move(clients);
  return textOf(json);
}

}  // namespace slotless::page
