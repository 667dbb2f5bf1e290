#include "proxy/session/pause_commands.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/session/late_reply.h"
#include "proxy/session/pause_gate.h"

namespace slotless::session {

using protocol::appendError;
using protocol::equalsIgnoringCase;

namespace {

// Longer pauses are cut to this: time points must not overflow.
constexpr std::int64_t kLongestMillis = std::int64_t{10} * 365 * 24 * 3600 * 1000;
constexpr std::int64_t kDefaultPatienceMillis = 10'000;

std::string wrongArguments(LocalCall& call, std::string_view container) {
  return "ERR unknown subcommand or wrong number of arguments for '" + std::string(call.argv[1]) + "'. Try " +
         std::string(container) + " HELP.";
}

// Every worker does it; the reply comes when all have, but inside EXEC at once.
void onAllWorkers(LocalCall& call, void (*act)(PauseGate& gate, PauseKind kind, net::Millis time),
                  PauseKind kind = PauseKind::None, net::Millis time = {}) {
  if (call.inTransaction) {
    call.services.control.tellWorkers(
        [=](Services& services, std::size_t) { act(services.gate, kind, time); });
    return protocol::appendSimple(call.out, "OK");
  }
  act(call.services.gate, kind, time);  // what this client has sent behind it is concerned, too
  replyFromWorkers<bool>(
      call,
      [=](Services& services, std::size_t) {
        act(services.gate, kind, time);
        return true;
      },
      [](const std::vector<bool>&, Client&, std::string& out) { protocol::appendSimple(out, "OK"); });
}

}  // namespace

void clientPause(LocalCall& call) {
  if (call.argv.size() > 4) return appendError(call.out, wrongArguments(call, "CLIENT"));
  PauseKind kind = PauseKind::All;
  if (call.argv.size() == 4) {
    if (equalsIgnoringCase(call.argv[3], "write")) {
      kind = PauseKind::Writes;
    } else if (!equalsIgnoringCase(call.argv[3], "all")) {
      return appendError(call.out, "ERR CLIENT PAUSE mode must be WRITE or ALL");
    }
  }
  const auto millis = protocol::strictInteger(call.argv[2]);
  if (!millis) return appendError(call.out, "ERR timeout is not an integer or out of range");
  if (*millis < 0) return appendError(call.out, "ERR timeout is negative");
  onAllWorkers(
      call, [](PauseGate& gate, PauseKind pause, net::Millis time) { gate.pause(pause, time); }, kind,
      net::Millis(std::min(*millis, kLongestMillis)));
}

void clientUnpause(LocalCall& call) {
  onAllWorkers(call, [](PauseGate& gate, PauseKind, net::Millis) { gate.unpause(); });
}

void consolePause(LocalCall& call) {
  if (call.argv.size() > 3) return appendError(call.out, wrongArguments(call, "PROXY"));
  const auto patience =
      call.argv.size() == 3 ? protocol::strictInteger(call.argv[2]) : std::optional(kDefaultPatienceMillis);
  if (!patience || *patience < 0)
    return appendError(call.out, "ERR timeout is not an integer or out of range");
  Services* services = &call.services;
  Request* request = &replyLater(call);
  const net::Millis time(std::min(*patience, kLongestMillis));
  askWorkers<bool>(
      *services,
      [](Services& there, std::size_t) {
        there.gate.close();
        return true;
      },
      [=](const std::vector<bool>&) { services->gate.awaitQuiet(*request, time); });
}

void consoleResume(LocalCall& call) {
  replyFromWorkers<bool>(
      call,
      [](Services& services, std::size_t) {
        services.gate.open();
        return true;
      },
      [](const std::vector<bool>&, Client&, std::string& out) { protocol::appendSimple(out, "OK"); });
}

}  // namespace slotless::session
