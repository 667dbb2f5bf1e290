#include "proxy/session/call_back.h"

#include <string>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/dispatch/request_copy.h"
#include "proxy/session/client.h"
#include "proxy/session/console_table.h"
#include "proxy/session/services.h"

namespace slotless::session {

namespace {

// CLIENT UNBLOCK of the proxy's own: what comes of it, the command that was blocked hears.
class Order final : public upstream::Exchange {
 public:
  static void send(Services& services, const upstream::Link& lease) {
    const auto node = services.links.topology().find(lease.node());
    if (!node) return;
    upstream::Link& link = services.links.linkTo(*node);
    const std::string id = std::to_string(lease.nodeClientId());
    std::string text;
    // In a transaction with what pauses of the server hold back, see client_unblock.cpp.
    protocol::appendRequest(text, {{"MULTI"}});
    protocol::appendRequest(text, {{"CLIENT", "UNBLOCK", id, "ERROR"}});
    protocol::appendRequest(text, {{"EVAL", "return(0)", "0"}});
    protocol::appendRequest(text, {{"EXEC"}});
    net::ByteChain bytes(services.host.pool);
    bytes.append(text);
    link.send(*new Order, bytes, upstream::Front::None, kPreludes);
  }

 private:
  static constexpr std::uint32_t kPreludes = 3;  // OK, QUEUED, QUEUED

  void onReply(std::string_view, bool last) override {
    if (last) delete this;
  }
  void onErrorReply(std::string_view, const upstream::SentRequest&) override { delete this; }
  void onLost(upstream::Loss, const upstream::SentRequest&) override { delete this; }
};

// False: it waits for something else than an element.
bool sendAway(Services& services, Client& client, CalledBack& found) {
  const Request* first = client.pending().head();
  if (first == nullptr || first->wait || !client.conversation().takesWhenWoken()) return false;
  for (const upstream::Link* lease : client.conversation().blockLeases().forUnblocking()) {
    if (!lease->ready()) continue;
    if (lease->nodeClientId() == 0) {
      found.isDenied = true;
    } else {
      Order::send(services, *lease);
    }
  }
  return true;
}

}  // namespace

void takeNamesOff(const protocol::CommandSpec& spec, const databases::Database& database,
                  net::ByteChain& bytes) {
  const RequestCopy request(bytes);
  if (!request.complete()) return;
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(spec, request.argv(), positions) != protocol::KeyResult::Ok) return;
  std::vector<std::string_view> argv(request.argv().begin(), request.argv().end());
  for (const std::uint32_t position : positions) {
    if (database.owns(argv[position])) argv[position] = database.logicalName(argv[position]);
  }
  std::string text;
  protocol::appendRequest(text, argv);
  bytes.clear();
  bytes.append(text);
}

CalledBack callBack(Services& services) {
  CalledBack found;
  for (const auto& [id, client] : services.clients) {
    if (!client->conversation().blocked() || client->takeBack()) continue;
    if (sendAway(services, *client, found)) ++found.blocked;
  }
  const std::size_t open =
      services.requests.countOpen([](const Request& request) { return !isConsoleCommand(*request.spec); });
  found.underWay = open - found.blocked;
  return found;
}

}  // namespace slotless::session
