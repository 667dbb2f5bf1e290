#include "proxy/discovery/reply_denials.h"

#include <hiredis/hiredis.h>

#include <string_view>

#include "protocol/denial.h"

namespace slotless::discovery {

bool noteIfDenied(telemetry::Denials* denials, telemetry::Deniable what, const net::Address& node,
                  const redisReply& reply, net::TimePoint now) {
  const bool failed = reply.type == REDIS_REPLY_ERROR;
  const std::string_view text = failed ? std::string_view(reply.str, reply.len) : std::string_view();
  const bool denied = failed && protocol::isDenial(text);
  if (denials == nullptr) return denied;
  if (denied) {
    denials->note(what, node, text, now);
  } else if (!failed) {
    denials->worked(what, node);
  }
  return denied;
}

}  // namespace slotless::discovery
