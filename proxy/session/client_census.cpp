// CLIENT LIST and CLIENT KILL: over all workers.
#include <algorithm>
#include <map>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/session/client.h"
#include "proxy/session/client_commands.h"
#include "proxy/session/client_facts.h"
#include "proxy/session/client_filter.h"
#include "proxy/session/late_reply.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::appendError;
using protocol::equalsIgnoringCase;

namespace {

using Census = std::vector<ClientFacts>;

Census censusOf(Services& services) {
  Census census;
  for (const auto& [id, client] : services.clients) {
    if (client->state() != ClientState::Closed) census.push_back(factsOf(*client, services));
  }
  return census;
}

// Which clients CLIENT LIST shows; nothing: all.
struct Selection {
  std::optional<ClientType> type;
  std::vector<std::uint64_t> ids;
};

bool parseSelection(LocalCall& call, Selection& selection) {
  const protocol::Argv options = call.argv.subspan(2);
  if (options.empty()) return true;
  if (options.size() == 2 && equalsIgnoringCase(options[0], "type")) {
    selection.type = clientTypeOf(options[1]);
    if (selection.type) return true;
    appendError(call.out, "ERR Unknown client type '" + std::string(options[1]) + "'");
    return false;
  }
  if (options.size() >= 2 && equalsIgnoringCase(options[0], "id")) {
    for (const std::string_view option : options.subspan(1)) {
      const auto id = protocol::strictInteger(option);
      if (!id) {
        appendError(call.out, "ERR Invalid client ID");
        return false;
      }
      selection.ids.push_back(static_cast<std::uint64_t>(*id));
    }
    return true;
  }
  appendError(call.out, "ERR syntax error");
  return false;
}

std::string render(const std::vector<Census>& parts, const Selection& selection) {
  std::map<std::uint64_t, const ClientFacts*> byId;
  for (const Census& part : parts) {
    for (const ClientFacts& facts : part) byId.emplace(facts.id, &facts);
  }
  std::string text;
  for (const std::uint64_t id : selection.ids) {
    if (const auto found = byId.find(id); found != byId.end()) appendClientLine(text, *found->second);
  }
  if (!selection.ids.empty()) return text;
  for (const auto& [id, facts] : byId) {
    if (!selection.type || facts->type == *selection.type) appendClientLine(text, *facts);
  }
  return text;
}

struct KillOrder {
  ClientFilter filter;
  std::uint64_t asking;
};

std::int64_t killMatching(Services& services, const KillOrder& order) {
  std::int64_t killed = 0;
  for (const auto& [id, client] : services.clients) {
    if (client->state() == ClientState::Closed || (id == order.asking && order.filter.skipAsking)) continue;
    if (!order.filter.matches(factsOf(*client, services))) continue;
    ++killed;
    if (id == order.asking) {
      client->closeAfterReply();
    } else {
      client->close("killed by another client");
    }
  }
  if (killed > 0) log::info("clients killed", {{"by", order.asking}, {"count", killed}});
  return killed;
}

}  // namespace

void clientList(LocalCall& call) {
  Selection selection;
  if (!parseSelection(call, selection)) return;
  replyFromWorkers<Census>(
      call,
      [asking = call.client.id(), requestBytes = sizeOf(call.argv)](Services& services, std::size_t) {
        Census census = censusOf(services);
        for (ClientFacts& facts : census) facts.inputBytes += facts.id == asking ? requestBytes : 0;
        return census;
      },
      [selection](const std::vector<Census>& parts, Client& client, std::string& out) {
        protocol::appendVerbatimText(out, client.protocol, render(parts, selection));
      });
}

void clientKill(LocalCall& call) {
  const bool byAddress = call.argv.size() == 3;
  KillOrder order{{}, call.client.id()};
  if (byAddress) {
    order.filter.address = call.argv[2];
    order.filter.skipAsking = false;
  } else {
    std::string error;
    const auto filter = parseKillOptions(call.argv.subspan(2), clientUser(call.services), error);
    if (!filter) return appendError(call.out, error);
    order.filter = *filter;
  }
  replyFromWorkers<std::int64_t>(
      call, [order](Services& services, std::size_t) { return killMatching(services, order); },
      [byAddress](const std::vector<std::int64_t>& parts, Client&, std::string& out) {
        std::int64_t killed = 0;
        for (const std::int64_t part : parts) killed += part;
        if (!byAddress) return protocol::appendInteger(out, killed);
        if (killed == 0) return appendError(out, "ERR No such client");
        protocol::appendSimple(out, "OK");
      });
}

}  // namespace slotless::session
