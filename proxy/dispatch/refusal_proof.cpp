#include "proxy/dispatch/refusal_proof.h"

#include <memory>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/error_reply.h"
#include "protocol/key_extraction.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/request_copy.h"

namespace slotless::session {

namespace {

// False: the request's keys are not known.
bool writeQuestion(const Request& request, const net::ByteChain& bytes, std::string& out) {
  const RequestCopy copy(bytes);
  if (!copy.complete()) return false;
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(*request.spec, copy.argv(), positions) != protocol::KeyResult::Ok) return false;
  std::vector<std::string_view> words;
  words.reserve(1 + positions.size());
  words.push_back(positions.empty() ? "PING" : "EXISTS");
  for (const std::uint32_t position : positions) words.push_back(copy.argv()[position]);
  out.clear();
  protocol::appendRequest(out, words);
  return true;
}

}  // namespace

bool askForProof(Context& context, Leg& leg, Trouble trouble, std::string_view line,
                 const upstream::SentRequest& sent) {
  Request& request = *leg.request;
  upstream::Link& link = *leg.link;
  if (request.legCount() != 1 || request.lease || request.preludes > 0) return false;
  if (!link.ready() || link.lost()) return false;
  auto doubt = std::make_unique<Doubt>(context.host.pool, trouble, line);
  sent.copyTo(doubt->bytes, request.frontBytes);
  if (!writeQuestion(request, doubt->bytes, context.encoded)) return false;
  request.frontBytes = 0;
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(context.host.pool);
  leg.detour->doubt = std::move(doubt);
  request.client->detoured = true;  // what follows must not pass it on the plain way
  link.send(leg, context.encoded, leg.detour->asking ? upstream::Front::Asking : upstream::Front::None);
  return true;
}

bool provesRefusal(std::string_view line) {
  const protocol::ErrorReply error = protocol::classifyError(line);
  // What says, in the server's words, that a command has not been run.
  const Action action = actionFor(troubleOf(error.errorClass), RequestKind::ScriptRead, error.serverText);
  return action == Action::Reroute || action == Action::RetryLater || action == Action::RetryOnProof;
}

}  // namespace slotless::session
