#include "proxy/commands/pause_commands.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/late_reply.h"
#include "proxy/commands/wrong_arguments.h"
#include "proxy/session/client.h"
#include "proxy/session/pause_gate.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::appendError;
using protocol::equalsIgnoringCase;

namespace {

// Longer pauses are cut to this: time points must not overflow.
constexpr std::int64_t kLongestMillis = std::int64_t{10} * 365 * 24 * 3600 * 1000;
constexpr std::int64_t kDefaultPatienceMillis = 10'000;

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
  if (call.argv.size() > 4) return appendError(call.out, wrongArguments(call.argv, "CLIENT"));
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

// PROXY PAUSE [patience [duration]]
void consolePause(LocalCall& call) {
  if (call.argv.size() > 4) return appendError(call.out, wrongArguments(call.argv, "PROXY"));
  std::array<std::optional<std::int64_t>, 2> millis{kDefaultPatienceMillis, std::nullopt};
  for (std::size_t i = 2; i < call.argv.size(); ++i) {
    millis[i - 2] = protocol::strictInteger(call.argv[i]);
    if (!millis[i - 2] || *millis[i - 2] < (i == 2 ? 0 : 1))
      return appendError(call.out, "ERR timeout is not an integer or out of range");
  }
  const net::Millis patience(std::min(*millis[0], kLongestMillis));
  Closing closing{call.client.id(), call.client.peer().text()};
  if (millis[1]) closing.until = call.services.host.now + net::Millis(std::min(*millis[1], kLongestMillis));
  log::warn("paused by PROXY PAUSE", {{"client", closing.client},
                                      {"peer", closing.peer},
                                      {"for_ms", millis[1] ? std::to_string(*millis[1]) : "its connection"}});
  Services* services = &call.services;
  Request* request = &replyLater(call);
  const auto closeHere = [closing, asking = services](Services& there, std::size_t) {
    Closing own = closing;
    own.tells = &there == asking;
    there.gate.close(own);
    return true;
  };
  closeHere(*services, 0);  // its connection may be closed before the order comes back here
  askWorkers<bool>(*services, closeHere,
                   [=](const std::vector<bool>&) { services->gate.awaitQuiet(*request, patience); });
}

void consoleResume(LocalCall& call) {
  const auto open = [](Services& services, std::size_t) { return services.gate.open(); };
  if (open(call.services, 0)) {
    log::warn(
        "pause over",
        {{"reason", "PROXY RESUME"}, {"client", call.client.id()}, {"peer", call.client.peer().text()}});
  }
  replyFromWorkers<bool>(call, open, [](const std::vector<bool>&, Client&, std::string& out) {
    protocol::appendSimple(out, "OK");
  });
}

}  // namespace slotless::session
