#include "proxy/dispatch/lost_watch.h"

#include <string>

#include "protocol/encoder.h"
#include "proxy/dispatch/completion.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/leases.h"
#include "proxy/dispatch/request.h"

namespace slotless::session {

bool failOnWatch(Completion& completion, Leg& leg, Trouble trouble) {
  Request& request = *leg.request;
  if (request.lease != upstream::LeaseUse::Transaction || wasSent(trouble)) return false;
  // An EXEC that was refused has ended the watch in the node: sent again, it would run whatever has changed.
  const bool passes =
      trouble == Trouble::TryAgain || trouble == Trouble::ClusterDown || trouble == Trouble::Loading;
  if (passes && request.spec->role != protocol::SessionRole::Exec) return false;
  Leases& leases = request.client->leases();
  switch (request.spec->role) {
    case protocol::SessionRole::Exec: {
      leases.breakWatch();
      std::string null;
      protocol::appendNullArrayIn(null, request.client->protocol);
      leg.reply.clear();
      request.hook.reset();
      request.composer.reset();  // nothing follows what was not carried out
      request.staged = false;
      request.client->deliver(request, null);
      completion.finishLeg(leg, false);
      return true;
    }
    case protocol::SessionRole::Watch:
      if (leases.watchBegins()) return false;  // nothing is watched yet: go where it is told
      leases.breakWatch();
      break;
    default: leases.breakWatch();  // UNWATCH, DISCARD: there is nothing left to forget
  }
  request.client->deliver(request, "+OK\r\n");
  completion.finishLeg(leg, false);
  return true;
}

bool hasLostWatch(const Leg& leg) {
  const Request& request = *leg.request;
  const Leases& leases = request.client->leases();
  const bool watchesYet = request.spec->role != protocol::SessionRole::Watch || !leases.watchBegins();
  return request.lease == upstream::LeaseUse::Transaction && watchesYet && leases.watchBroken();
}

}  // namespace slotless::session
