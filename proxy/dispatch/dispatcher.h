// Starts requests: makes the legs of a plan and sends them, and hands what comes back to whom it concerns.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "proxy/dispatch/completion.h"
#include "proxy/dispatch/expiry.h"
#include "proxy/dispatch/large_replies.h"
#include "proxy/dispatch/leg_sender.h"
#include "proxy/dispatch/owned_request.h"
#include "proxy/dispatch/recovery.h"
#include "proxy/dispatch/request.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct Context;

class Dispatcher {
 public:
  explicit Dispatcher(Context& context)
      : context_(context),
        completion_(context),
        sender_(context, completion_),
        recovery_(context, sender_, completion_),
        expiry_(context, sender_, completion_),
        largeReplies_(context, sender_) {}

  // Starts a request that stands at the end of its client's pending list. The plan must not be Refused.
  // Takes the plan's composer.
  void start(Request& request, routing::Plan& plan, protocol::Argv argv, RequestBytes bytes);
  // Starts a request with one key: as it came, to the owner of the slot.
  void startShort(Request& request, protocol::Slot slot, std::string_view bytes);
  // Starts a transaction (or another batch that the proxy has written), in one piece.
  void startBatch(Request& request, protocol::Slot slot, net::ByteChain& batch);
  struct NodeBatch {
    net::Address node;
    protocol::Slot slot;
    std::string bytes;
  };
  // Starts a request that has its own bytes for each of some nodes; it goes nowhere else.
  void startOnNodes(Request& request, const std::vector<NodeBatch>& batches);
  // Starts a command for nodes in pieces; the client's input is held until it is done.
  void startLong(Request& request, const protocol::CommandSpec& spec, const databases::Database& database,
                 OwnedRequest owned);
  // A request that is for no node: its reply is made here, in pieces.
  void startAssembly(Request& request, std::unique_ptr<ReplyHook> hook);
  // Starts a request whose composer, which it has, asks for one stage after the other.
  void startStages(Request& request, const routing::Plan& first);
  // Asks for the next stage of a request whose legs are all done.
  void goOn(Request& request, const routing::Plan& stage);
  // A request that the proxy answers itself, but not at once: it counts as sent until its reply is there.
  void startLate(Request& request);
  void finishLate(Request& request, std::string_view reply);
  // The only leg of a blocking command waits for a lease: it goes on without one, and takes what is there at
  // once or nothing. False: it does not wait here, or has waited for too long for that.
  bool tryHeldAtOnce(Downstream& client);
  // The only leg of a blocking command waits for a lease: answers it as if its time was over, or with an
  // error. False: it does not wait here.
  bool unblockHeld(Downstream& client, bool asError);
  // Sends what can go among a client's held legs.
  void pump(Downstream& client) { sender_.pump(client); }
  // More of the client cannot be held: what waits for nodes that are silent may go to them.
  void trustSilentNodes(Downstream& client) { sender_.trustSilentNodes(client); }
  // Fails held legs whose deadline has come. True: others wait for a node to be found.
  bool expire(Downstream& client) { return expiry_.expire(client); }
  // The client has taken what was unread: its reply may go on.
  void onRoom(Downstream& client) { largeReplies_.goOn(client); }
  // The client is gone: held legs are dropped unsent, replies of sent ones will be discarded.
  void abandon(Request& request) { completion_.abandon(request); }

  // Events of legs.
  void onReply(Leg& leg, std::string_view bytes, bool last) {
    if (leg.inDoubt()) return recovery_.onAnswer(leg, last);
    completion_.onReply(leg, bytes, last);
  }
  bool declines(Leg& leg, std::uint64_t left, const upstream::SentRequest& sent) {
    return largeReplies_.decline(leg, left, sent);
  }
  void onLargeReply(const Leg& leg, const upstream::SentRequest& sent) { largeReplies_.note(leg, sent); }
  void onErrorReply(Leg& leg, std::string_view line, const upstream::SentRequest& sent) {
    recovery_.onErrorReply(leg, line, sent);
  }
  void onLost(Leg& leg, upstream::Loss loss, const upstream::SentRequest& sent) {
    recovery_.onLost(leg, loss, sent);
  }

 private:
  void plan(Request& request);
  // Takes the plan's lists of keys.
  void startBySlot(Request& request, routing::Plan& plan, protocol::Argv argv);
  void startPrepared(Request& request, const routing::Plan& plan);
  void startEachNode(Request& request, const routing::Plan& plan, std::string_view bytes);

  Context& context_;
  Completion completion_;
  LegSender sender_;
  Recovery recovery_;
  Expiry expiry_;
  LargeReplies largeReplies_;
  std::vector<std::uint32_t> positions_;  // scratch space
};

}  // namespace slotless::session
