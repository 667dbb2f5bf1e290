// The end of legs and requests: replies go to the client, or are merged first; then the request is counted
// and over.
//
// Ownership: finishing the last leg of a request gives the request back to its client or its pool: do not
// touch it afterwards.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "proxy/dispatch/request.h"

namespace slotless::session {

struct Context;

class Completion {
 public:
  explicit Completion(Context& context) : context_(context) {}

  void onReply(Leg& leg, std::string_view bytes, bool last);
  void deliver(Leg& leg, std::string_view bytes, bool last);
  // The client gets `line`, whole, as the reply (or as this leg's part of it).
  void failLeg(Leg& leg, std::string_view line);
  // Of WAIT. `line`: its own error. From a node that is not the master any more it means that nobody has it.
  void failWait(Leg& leg, std::string_view line);
  // The node that the leg is for is none of the cluster any more: the reply is made of the others'.
  void forgoLeg(Leg& leg);
  // A blocking command's own timeout, as a node would have answered.
  void timeOut(Leg& leg);
  void finishLeg(Leg& leg, bool failed);
  // All legs of the request are done: it goes on with its next stage, or its reply is made of theirs.
  void conclude(Request& request, bool failed);
  // Its reply has been given to the client.
  void finishRequest(Request& request, bool failed);
  // The client is gone: held legs are dropped unsent, replies of sent ones will be discarded.
  void abandon(Request& request);

 private:
  void finishShort(Leg& leg, std::string_view bytes);
  void finishRequest(Request& request, bool failed, net::Micros duration);
  net::Micros sinceArrival(const Request& request) const noexcept;
  void noteWrite(const Leg& leg);
  void clearSuspicion(const Leg& leg);
  void failOvertaken(const Leg& leg);
  void noteIfSlow(const Leg& leg, net::Micros duration);
  void noteUnusual(const Leg& leg, net::Micros duration, bool slow);
  void noteIfLarge(const Leg& leg);
  void noteLatency(const Leg& leg, net::Micros duration);
  bool goOn(Request& request);
  void forgetHook(Request& request);
  // What the legs have brought, but for those whose nodes have left.
  const std::vector<routing::PartReply>& partsOf(const Request& request);
  bool mergeLegs(Request& request, std::span<const routing::PartReply> parts);

  Context& context_;
  std::vector<routing::PartReply> parts_;  // scratch space
};

}  // namespace slotless::session
