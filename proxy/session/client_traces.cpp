// The part of a client that begins traces of its requests, and ends those of what the proxy answers itself.
#include <utility>

#include "protocol/error_code.h"
#include "proxy/dispatch/traced_request.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/session/trace_sampling.h"

namespace slotless::session {

using protocol::CommandSpec;

void Client::setTraceParent(std::unique_ptr<const observe::TraceParent> parent) {
  traceParent_ = std::move(parent);
  requestion();
}

bool Client::wantsTraces() const noexcept {
  return traceParent_ != nullptr && traceParent_->sampled && !services_.config.traceEndpoint.empty();
}

void Client::beginTraceAtHand(const CommandSpec& spec, bool chosen) {
  const observe::TraceParent* const parent = traceParent_.get();
  const net::TimePoint now = services_.host.now;
  const bool wanted = parent == nullptr ? chosen : mayTraceAsked(services_.config, *parent, now);
  if (!wanted) return;
  services_.traceAtHand = beginTrace({spec, conversation_.database(), id(), peer(), parent}, now);
}

void Client::traceShort(Request& request, std::uint64_t every) {
  if (traceParent_ != nullptr || !isTraceNext(services_.config, every)) return;
  request.trace = beginTrace({*request.spec, *database_, id(), peer(), nullptr}, services_.host.now);
}

void Client::noteTraceReply(std::string_view bytes) {
  observe::RequestTrace& trace = *services_.traceAtHand;
  if (trace.client != id() || !bytes.starts_with('-')) return;
  trace.failed = true;
  trace.code = protocol::knownErrorCode(bytes);
}

void Client::endTraceAtHand() {
  traceAnswered(services_, std::move(services_.traceAtHand));
}

}  // namespace slotless::session
