// CLIENT UNBLOCK: a client that waits for a lease is answered by its worker. One that is blocked on a lease
// is unblocked by the node itself, asked over a shared link: so an element that is being popped at that
// moment is not lost.
//
// A node whose writes are paused (CLIENT PAUSE; each planned failover, for a moment) holds blocking commands
// back, and Redis 7.0.15 crashes when such a client is unblocked by TIMEOUT. So it is asked in a transaction
// with a command that pauses hold back, too: by then the client is blocked in earnest.
#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/client_commands.h"
#include "proxy/commands/late_reply.h"
#include "proxy/commands/wrong_arguments.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/client.h"
#include "proxy/session/waiting.h"

namespace slotless::session {

using protocol::appendError;
using protocol::equalsIgnoringCase;

namespace {

// What the client's worker has found.
struct Finding {
  bool done = false;
  struct Place {
    net::Address node;
    std::int64_t clientId;
  };
  std::vector<Place> blockedAt;  // several for WAIT
};

Finding unblockOn(Services& services, std::uint64_t id, bool asError) {
  const auto found = services.clients.find(id);
  if (found == services.clients.end()) return {};
  Client& client = *found->second;
  if (client.state() == ClientState::Closed || !client.conversation().blocked()) return {};
  Request* const first = client.pending().head();
  if (first != nullptr && unblockWaiting(*first, asError)) return {true, {}};
  if (services.dispatcher.unblockHeld(client, asError)) return {true, {}};
  Finding finding;
  for (const upstream::Link* lease : client.conversation().blockLeases().forUnblocking()) {
    if (lease->ready()) finding.blockedAt.push_back({lease->node(), lease->nodeClientId()});
  }
  return finding;
}

constexpr std::string_view kNoId =
    "-ERR CLIENT UNBLOCK needs CLIENT ID, which a node denies to the proxy\r\n";

bool hasUnknown(const Finding& finding) {
  return std::any_of(finding.blockedAt.begin(), finding.blockedAt.end(),
                     [](const Finding::Place& place) { return place.clientId == 0; });
}

// Of EXEC's replies: whether one of the nodes has unblocked the client.
class UnblockedComposer final : public routing::Composer {
 public:
  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    std::int64_t unblocked = 0;
    for (const routing::PartReply& part : parts) {
      const auto results = routing::elementsOf(part.bytes);
      if (!results || results->empty()) {
        out += part.bytes;
        return false;
      }
      unblocked = std::max(unblocked, routing::integerOf(results->front()).value_or(0));
    }
    protocol::appendInteger(out, unblocked);
    return true;
  }
};

void askNodes(Services& services, Request& request, const Finding& finding, bool asError) {
  std::vector<Dispatcher::NodeBatch> batches;
  for (const Finding::Place& place : finding.blockedAt) {
    const std::string id = std::to_string(place.clientId);
    std::string bytes;
    protocol::appendRequest(bytes, {{"MULTI"}});
    protocol::appendRequest(bytes, {{"CLIENT", "UNBLOCK", id, asError ? "ERROR" : "TIMEOUT"}});
    protocol::appendRequest(bytes, {{"EVAL", "return(0)", "0"}});
    protocol::appendRequest(bytes, {{"EXEC"}});
    batches.push_back({place.node, protocol::kNoSlot, std::move(bytes)});
  }
  request.preludes = 3;  // OK, QUEUED, QUEUED
  request.composer = std::make_unique<UnblockedComposer>();
  services.dispatcher.startOnNodes(request, batches);
}

}  // namespace

void clientUnblock(LocalCall& call) {
  if (call.argv.size() > 4) {
    return appendError(call.out, wrongArguments(call.argv, "CLIENT"));
  }
  const bool asError = call.argv.size() == 4 && equalsIgnoringCase(call.argv[3], "error");
  if (call.argv.size() == 4 && !asError && !equalsIgnoringCase(call.argv[3], "timeout")) {
    return appendError(call.out, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const auto id = protocol::strictInteger(call.argv[2]);
  if (!id) return appendError(call.out, "ERR value is not an integer or out of range");
  Services* services = &call.services;
  Request* request = &replyLater(call);
  askWorkers<Finding>(
      *services,
      [id, asError](Services& there, std::size_t) {
        return unblockOn(there, static_cast<std::uint64_t>(*id), asError);
      },
      [services, request, asError](const std::vector<Finding>& findings) {
        const auto blocked = std::find_if(findings.begin(), findings.end(),
                                          [](const Finding& each) { return !each.blockedAt.empty(); });
        if (request->client != nullptr && blocked != findings.end()) {
          if (hasUnknown(*blocked)) return finishLate(*services, *request, kNoId);
          return askNodes(*services, *request, *blocked, asError);
        }
        const bool done =
            std::any_of(findings.begin(), findings.end(), [](const Finding& each) { return each.done; });
        finishLate(*services, *request, done ? ":1\r\n" : ":0\r\n");
      });
}

}  // namespace slotless::session
