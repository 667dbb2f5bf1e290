// Puts legs on links in order, and holds back those that cannot go yet.
//
// Order: the legs that one client has for one slot go out in the order of its requests. On the plain way
// (topology unchanged, nothing held, nothing redirected) that is so by itself: one link per slot. Otherwise a
// leg is held, and pump() lets it go only when all earlier legs for its slot are done or on the very link
// that it would take.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/dispatch/completion.h"
#include "proxy/dispatch/link_choice.h"
#include "proxy/dispatch/request.h"

namespace slotless::session {

struct Context;

// The bytes of a request as they can be forwarded: `bytes`, then `tail`. `block`, if set, holds exactly the
// last of these that is not empty, and may be taken over.
struct RequestBytes {
  std::string_view bytes;
  std::string_view tail = {};
  net::BlockPtr* block = nullptr;
};

class LegSender {
 public:
  // Between two tries of a request that a node has refused.
  static constexpr net::Millis kRetryPause{50};
  // A request is sent again at once that many times, then with pauses: two nodes may send it to and fro for a
  // while, or it may be what breaks its links.
  static constexpr std::uint32_t kQuickAttempts = 4;

  LegSender(Context& context, Completion& completion)
      : context_(context), completion_(completion), choice_(context) {}

  void launch(Leg& leg, RequestBytes bytes);
  // A transaction, or another batch that the proxy has written, in one piece.
  void launchShort(Leg& leg, std::string_view bytes);
  void launchBatch(Leg& leg, net::ByteChain& batch);
  // To one certain node; none: to any.
  void launchTo(Leg& leg, std::string_view bytes, const std::optional<net::Address>& node);
  // Requires that the detour has the request's bytes. A leg that may not be held fails.
  void hold(Leg& leg, Trouble trouble);
  // A leg that was sent: its bytes are taken back from the link.
  void holdAgain(Leg& leg, Trouble trouble, const upstream::SentRequest& sent);
  // The same, with its bytes in the detour already.
  void holdAgain(Leg& leg, Trouble trouble);
  // Sends what can go among a client's held legs.
  void pump(Downstream& client);
  // A node that is silent may only be busy. The links of those that the client's held legs wait for take what
  // there is, as one server's connection would.
  void trustSilentNodes(Downstream& client);
  // ASK or TRYAGAIN has been seen: for a while a request for that slot waits for the one before.
  void markMoving(protocol::Slot slot);
  Obstacle obstacleTo(const Leg& leg) const { return choice_.obstacleTo(leg); }
  bool missesNode(const Leg& leg) const { return choice_.missesNode(leg); }

 private:
  struct Mark {
    std::uint64_t pass = 0;
    const upstream::Link* link = nullptr;  // nullptr: blocked
    std::uint64_t sentPass = 0;
    std::uint64_t lastSent = 0;  // the number of the last request that has been sent
  };

  upstream::Link* plainLink(Leg& leg);
  void noteSent(Leg& leg, upstream::Link& link);
  upstream::Front frontOf(const Leg& leg, const upstream::Link& link) const;
  bool isSuspect(const Leg& leg, RequestBytes bytes) const;
  // Reads of its key may have large replies from now on.
  void noteLargeWrite(const Leg& leg, RequestBytes bytes);
  bool isTooLarge(const Leg& leg, std::size_t length) const;
  // 0: none.
  std::uint64_t suspicionOf(const Leg& leg, const net::ByteChain& bytes) const;
  bool plainWay(const Downstream& client, protocol::Slot slot) const;
  // `link` nullptr: none can take it now.
  void sendOrHold(Leg& leg, upstream::Link* link, net::ByteChain& batch);
  bool hasScripts(const Request& request, const upstream::Link& link) const;
  // Where nodes deny SCRIPT LOAD: EVALSHA of a script that the node is not known to have becomes EVAL, with
  // which the node gets it, too.
  void giveText(Request& request, upstream::Link& link, net::ByteChain& batch) const;
  void sendBatch(Leg& leg, upstream::Link& link, net::ByteChain& batch);
  void markSent(const Downstream& client);
  // It was refused, and a later one is on its way: what becomes of that one tells whether this one has missed
  // its turn. Requires markSent().
  bool awaitsLater(const Leg& leg) const;
  void sendHeld(Downstream& client, Leg& leg, upstream::Link& link);

  Context& context_;
  Completion& completion_;
  LinkChoice choice_;
  std::uint64_t pass_ = 0;
  std::unique_ptr<std::array<Mark, protocol::kSlotCount>> marks_ =
      std::make_unique<std::array<Mark, protocol::kSlotCount>>();
  // Slots that are being moved: until when.
  std::unique_ptr<std::array<net::TimePoint, protocol::kSlotCount>> movingUntil_ =
      std::make_unique<std::array<net::TimePoint, protocol::kSlotCount>>();
  net::TimePoint anyMovingUntil_{};
};

}  // namespace slotless::session
