// The commands of the console that are for one proxy, or with ALL for all of the cluster.
#include <string>

#include "protocol/encoder.h"
#include "proxy/commands/client_commands.h"
#include "proxy/commands/pause_commands.h"
#include "proxy/commands/wrong_arguments.h"
#include "proxy/console/all_proxies.h"
#include "proxy/console/console_commands.h"
#include "proxy/console/order_kinds.h"
#include "proxy/session/client.h"

namespace slotless::session {

// Filters are pairs, so a value may be "all".
void consoleKill(LocalCall& call) {
  if (call.argv.size() % 2 == 1 && asksAll(call, call.argv.size() - 1)) return forAllProxies(call);
  clientKill(call);
}

void consolePauseAll(LocalCall& call) {
  if (asksAll(call, call.argv.size() - 1)) return forAllProxies(call);
  consolePause(call);
}

void consoleResumeAll(LocalCall& call) {
  if (asksAll(call, 2)) return forAllProxies(call);
  if (call.argv.size() > 2) return protocol::appendError(call.out, wrongArguments(call.argv, "PROXY"));
  consoleResume(call);
}

// Names and values are pairs, too.
void consoleConfigSet(LocalCall& call) {
  if (call.argv.size() % 2 == 0 && asksAll(call, call.argv.size() - 1)) return forAllProxies(call);
  pubsub::PeerOrder order{{call.argv.begin() + 1, call.argv.end()}, {}};
  order.words.front() = "config";
  if (const std::string error = whyNoOrder(call.services, order); !error.empty())
    return protocol::appendError(call.out, error);
  carryOut(call.services, order, call.client.id(), 0, [](const pubsub::PeerAnswer&) {});
  protocol::appendSimple(call.out, "OK");
}

}  // namespace slotless::session
