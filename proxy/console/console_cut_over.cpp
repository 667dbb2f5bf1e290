#include <optional>
#include <string>
#include <utility>

#include "config/side_words.h"
#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/late_reply.h"
#include "proxy/console/console_commands.h"

namespace slotless::session {

namespace {

using protocol::appendError;
using protocol::equalsIgnoringCase;

constexpr std::int64_t kLongestMillis = 3'600'000;

std::optional<net::Millis> millisIn(std::string_view text) {
  const auto number = protocol::strictInteger(text);
  if (!number || *number < 1 || *number > kLongestMillis) return std::nullopt;
  return net::Millis(*number);
}

bool takeSide(std::string_view word, CutOverStep& step) {
  step.toServer = equalsIgnoringCase(word, config::kServerSide);
  return step.toServer || equalsIgnoringCase(word, config::kClusterSide);
}

// False: the error is in call.out.
bool read(LocalCall& call, CutOverStep& step) {
  const protocol::Argv argv = call.argv;
  const std::string_view word = argv.size() > 2 ? argv[2] : "status";
  if (argv.size() <= 3 && equalsIgnoringCase(word, "status")) return true;
  if (argv.size() == 5 && equalsIgnoringCase(word, "settle") && takeSide(argv[4], step)) {
    step.kind = CutOverStep::Kind::Settle;
    step.id = argv[3];
    return true;
  }
  if (argv.size() == 7 && equalsIgnoringCase(word, "prepare") && takeSide(argv[6], step)) {
    const auto patience = millisIn(argv[4]);
    const auto hold = millisIn(argv[5]);
    if (!patience || !hold) {
      appendError(call.out, "ERR timeout is not an integer or out of range");
      return false;
    }
    step.kind = CutOverStep::Kind::Prepare;
    step.id = argv[3];
    step.patience = *patience;
    step.hold = *hold;
    return true;
  }
  appendError(call.out,
              "ERR allowed: PROXY CUT-OVER STATUS | PREPARE id patience hold side | SETTLE id side");
  return false;
}

}  // namespace

void consoleCutOver(LocalCall& call) {
  CutOverStep step;
  if (!read(call, step)) return;
  Services* services = &call.services;
  Request* request = &replyLater(call);
  services->control.cutOver(step, services->host.loop, [services, request](const std::string& reply) {
    services->host.touch();
    finishLate(*services, *request, reply);
  });
}

}  // namespace slotless::session
