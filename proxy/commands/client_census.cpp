// CLIENT LIST and CLIENT KILL: over all workers.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/client_commands.h"
#include "proxy/commands/client_walk.h"
#include "proxy/commands/late_reply.h"
#include "proxy/observe/client_filter.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/session/node_users.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::appendError;
using protocol::equalsIgnoringCase;

namespace {

// By id: the line of each client that is shown.
using Lines = std::vector<std::pair<std::uint64_t, std::string>>;

// What CLIENT LIST shows. Older servers show clients in the order in which they are asked for.
struct Selection {
  ClientFilter filter;
  bool inOrderAsked = false;
};

FilterContext contextOf(const LocalCall& call, bool lists) {
  const auto isUser = [&call](std::string_view name) {
    if (call.services.accounts.on()) return call.services.accounts.find(name) != nullptr;
    return call.services.nodeUsers.on() || name == "default" ||
           name == clientUser(call.client, call.services);
  };
  return {call.services.manners, isUser, call.services.databases.size(), lists};
}

// Of older servers: one type, or any number of ids.
bool parseOldSelection(LocalCall& call, Selection& selection) {
  const protocol::Argv options = call.argv.subspan(2);
  selection.filter.skipAsking = false;
  if (options.empty()) return true;
  if (options.size() == 2 && equalsIgnoringCase(options[0], "type")) {
    selection.filter.wanted.type = clientTypeOf(options[1], call.services.manners);
    if (selection.filter.wanted.type) return true;
    appendError(call.out, "ERR Unknown client type '" + std::string(options[1]) + "'");
    return false;
  }
  if (options.size() >= 2 && equalsIgnoringCase(options[0], "id")) {
    selection.inOrderAsked = true;
    for (const std::string_view option : options.subspan(1)) {
      const auto id = protocol::strictInteger(option);
      if (!id) {
        appendError(call.out, "ERR Invalid client ID");
        return false;
      }
      selection.filter.wanted.ids.push_back(static_cast<std::uint64_t>(*id));
    }
    return true;
  }
  appendError(call.out, "ERR syntax error");
  return false;
}

bool parseSelection(LocalCall& call, Selection& selection) {
  if (!call.services.manners.listsByFilter) return parseOldSelection(call, selection);
  std::string error;
  auto filter = parseFilter(call.argv.subspan(2), contextOf(call, true), error);
  if (!filter) {
    appendError(call.out, error);
    return false;
  }
  selection.filter = std::move(*filter);
  return true;
}

std::string render(std::vector<Lines> parts, const Selection& selection) {
  Lines all;
  for (Lines& part : parts) std::move(part.begin(), part.end(), std::back_inserter(all));
  std::sort(all.begin(), all.end());
  std::string text;
  if (!selection.inOrderAsked) {
    for (const auto& [id, line] : all) text += line;
    return text;
  }
  for (const std::uint64_t id : selection.filter.wanted.ids) {
    const auto found = std::lower_bound(
        all.begin(), all.end(), id, [](const auto& entry, std::uint64_t key) { return entry.first < key; });
    if (found != all.end() && found->first == id) text += found->second;
  }
  return text;
}

}  // namespace

void clientList(LocalCall& call) {
  Selection selection;
  if (!parseSelection(call, selection)) return;
  replyAboutClients<Lines>(
      call,
      [selection, asking = call.client.id(), requestBytes = sizeOf(call.argv)](
          Services& services, std::size_t, Client& client, Lines& lines) {
        ClientFacts facts = factsOf(client, services);
        if (facts.id == asking && selection.filter.skipAsking) return;
        if (!selection.filter.matches(facts)) return;
        facts.inputBytes += facts.id == asking ? requestBytes : 0;
        appendClientLine(lines.emplace_back(facts.id, std::string()).second, facts, services.manners);
      },
      [selection](std::vector<Lines> parts, Client& client, std::string& out) {
        protocol::appendVerbatimText(out, client.protocol, render(std::move(parts), selection));
      });
}

void killIfMatching(Services& services, Client& client, const KillOrder& order, std::int64_t& killed) {
  if (client.id() == order.asking && order.filter.skipAsking) return;
  if (!order.filter.matches(factsOf(client, services))) return;
  ++killed;
  if (client.id() == order.asking) {
    client.closeAfterReply();
  } else {
    client.close("killed by another client");
  }
}

void clientKill(LocalCall& call) {
  const bool byAddress = call.argv.size() == 3;
  KillOrder order{{}, call.client.id()};
  if (byAddress) {
    order.filter.wanted.address = call.argv[2];
    order.filter.skipAsking = false;
  } else {
    std::string error;
    const auto filter = parseFilter(call.argv.subspan(2), contextOf(call, false), error);
    if (!filter) return appendError(call.out, error);
    order.filter = *filter;
  }
  replyAboutClients<std::int64_t>(
      call,
      [order](Services& services, std::size_t, Client& client, std::int64_t& killed) {
        killIfMatching(services, client, order, killed);
      },
      [byAddress, by = order.asking](const std::vector<std::int64_t>& parts, Client&, std::string& out) {
        std::int64_t killed = 0;
        for (const std::int64_t part : parts) killed += part;
        if (killed > 0) log::info("clients killed", {{"by", by}, {"count", killed}});
        if (!byAddress) return protocol::appendInteger(out, killed);
        if (killed == 0) return appendError(out, "ERR No such client");
        protocol::appendSimple(out, "OK");
      });
}

}  // namespace slotless::session
