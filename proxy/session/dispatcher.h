// Sends the legs of requests, and decides what happens to them when something goes wrong on the way.
//
// Order: the legs that one client has for one slot go out in the order of its requests. On the plain way (topology
// unchanged, nothing held, nothing redirected) that is so by itself: one link per slot. Otherwise a leg is held, and
// pump() lets it go only when all earlier legs for its slot are done or on the very link that it would take.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "protocol/argv.h"
#include "proxy/cluster/topology.h"
#include "proxy/routing/plan.h"
#include "proxy/session/request.h"

namespace slotless::session {

struct Services;

// The bytes of a request as they can be forwarded. `block`, if set, holds exactly these bytes and may be taken over.
struct RequestBytes {
  std::string_view bytes;
  net::BlockPtr* block = nullptr;
};

class Dispatcher {
 public:
  explicit Dispatcher(Services& services) : services_(services) {}

  // Starts a request that stands at the end of its client's pending list. The plan must not be Refused.
  // Takes the plan's composer.
  void start(Request& request, routing::Plan& plan, protocol::Argv argv, RequestBytes bytes);
  // Starts a transaction (or another batch that the proxy has written), in one piece.
  void startBatch(Request& request, protocol::Slot slot, net::ByteChain& batch);
  struct NodeBatch {
    net::Address node;
    protocol::Slot slot;
    std::string bytes;
  };
  // Starts a request that has its own bytes for each of some nodes; it goes nowhere else.
  void startOnNodes(Request& request, const std::vector<NodeBatch>& batches);
  // A request that the proxy answers itself, but not at once: it counts as sent until its reply is there.
  void startLate(Request& request);
  void finishLate(Request& request, std::string_view reply);
  // The only leg of a blocking command waits for a lease: answers it as if its time was over, or with an error.
  // False: it does not wait here.
  bool unblockHeld(Client& client, bool asError);
  // Sends what can go among a client's held legs.
  void pump(Client& client);
  // Fails held legs whose deadline has come.
  void expire(Client& client);
  // The client is gone: held legs are dropped unsent, replies of sent ones will be discarded.
  void abandon(Request& request);

  // Events of legs.
  void onReply(Leg& leg, std::string_view bytes, bool last);
  void onErrorReply(Leg& leg, std::string_view line, const upstream::SentRequest& sent);
  void onLost(Leg& leg, upstream::Loss loss, const upstream::SentRequest& sent);

 private:
  struct Mark {
    std::uint64_t pass = 0;
    const upstream::Link* link = nullptr;  // nullptr: blocked
  };

  void launch(Leg& leg, RequestBytes bytes);
  void startPrepared(Request& request, const routing::Plan& plan);
  void startEachNode(Request& request, const routing::Plan& plan, std::string_view bytes);
  // To one certain node.
  void launchTo(Leg& leg, std::string_view bytes, const std::optional<net::Address>& node);
  upstream::Link* linkToNode(Leg& leg, cluster::NodeIndex node);
  upstream::Link* linkForSlot(Leg& leg);
  upstream::Link* replicaLink(Leg& leg, cluster::NodeIndex master);
  bool splitPerKey(Leg& leg, const upstream::SentRequest& sent);
  bool loadScript(Leg& leg, const upstream::SentRequest& sent);
  bool failTransaction(Leg& leg, Trouble trouble);
  bool retry(Leg& leg, Trouble trouble, std::string_view line, const protocol::ErrorReply& error,
             const upstream::SentRequest& sent);
  void expireLeg(Leg& leg);
  void timeOut(Leg& leg);
  void markMoving(protocol::Slot slot);
  bool plainWay(const Client& client, protocol::Slot slot);
  void hold(Leg& leg, Trouble trouble);
  void holdAgain(Leg& leg, Trouble trouble, const upstream::SentRequest& sent);
  void sendHeld(Client& client, Leg& leg, upstream::Link& link);
  upstream::Link* targetOf(Leg& leg);
  bool redirect(Leg& leg, std::string_view line, const protocol::ErrorReply& error, const upstream::SentRequest& sent);
  void deliver(Leg& leg, std::string_view bytes, bool last);
  void failLeg(Leg& leg, std::string_view line);
  void finishLeg(Leg& leg, bool failed);
  void failOvertaken(const Leg& leg);
  void noteIfSlow(const Leg& leg);
  void finishRequest(Request& request, bool failed);
  bool mergeLegs(Request& request);
  bool isForged(const Leg& leg) const;
  bool hasLostWatch(const Leg& leg) const;
  void encodeKeys(protocol::Argv argv, std::span<const std::uint32_t> positions, std::uint32_t stride);

  Services& services_;
  std::uint64_t pass_ = 0;
  std::unique_ptr<std::array<Mark, protocol::kSlotCount>> marks_ =
      std::make_unique<std::array<Mark, protocol::kSlotCount>>();
  // Slots that are being moved (ASK or TRYAGAIN has been seen): until when. There a request waits for the one before.
  std::unique_ptr<std::array<net::TimePoint, protocol::kSlotCount>> movingUntil_ =
      std::make_unique<std::array<net::TimePoint, protocol::kSlotCount>>();
  net::TimePoint anyMovingUntil_{};
};

}  // namespace slotless::session
