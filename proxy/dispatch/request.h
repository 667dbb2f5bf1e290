// One request of a client on its way: its place among the client's pending replies, and the legs that carry
// it.
//
// Ownership: a RequestPool owns all requests of a worker. A request outlives its client while links still owe
// it replies (which are then discarded): links hold plain pointers to legs.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/slot.h"
#include "proxy/databases/database.h"
#include "proxy/dispatch/counted_text.h"
#include "proxy/dispatch/failure_table.h"
#include "proxy/dispatch/reply_hook.h"
#include "proxy/dispatch/waiting_reply.h"
#include "proxy/net/address/address.h"
#include "proxy/net/byte_chain.h"
#include "proxy/net/loop.h"
#include "proxy/observe/request_trace.h"
#include "proxy/routing/plan.h"
#include "proxy/scripts/script_cache.h"
#include "proxy/upstream/exchange.h"
#include "proxy/upstream/lease_pool.h"
#include "proxy/upstream/link.h"

namespace slotless::session {

class Downstream;
class Dispatcher;
class Request;

// A script's error that is the server's, or only worded like it: which of them, a question on the same link
// has to tell (refusal_proof.h).
struct Doubt {
  Doubt(net::BlockPool& pool, Trouble kind, std::string_view text) : trouble(kind), line(text), bytes(pool) {}

  Trouble trouble;
  std::string line;
  net::ByteChain bytes;  // the request
};

// What the requests of a pool hold beyond blocks. Bytes.
struct RequestMemory {
  std::size_t merging = 0;  // parts of replies that wait to be merged
  std::size_t legs = 0;     // beyond the first of each request
  std::size_t kept = 0;     // what their replies are made of
};

// A request as its client has sent it, as far as the slow log shows it.
struct SaidRequest {
  std::string bytes;   // RESP
  bool isCut = false;  // its arguments are those that are shown
};

// A connection that one leg has for itself; given back with it.
class LoneLease {
 public:
  LoneLease() = default;
  LoneLease(upstream::LeasePool& pool, upstream::Link* link) noexcept : pool_(&pool), link_(link) {}
  ~LoneLease() { reset(); }
  LoneLease(const LoneLease&) = delete;
  LoneLease& operator=(const LoneLease&) = delete;

  void take(upstream::LeasePool& pool, upstream::Link* link) noexcept {
    reset();
    pool_ = &pool;
    link_ = link;
  }
  void reset() noexcept {
    if (link_ != nullptr) pool_->release(*link_, true);
    link_ = nullptr;
  }
  upstream::Link* link() const noexcept { return link_; }

 private:
  upstream::LeasePool* pool_ = nullptr;
  upstream::Link* link_ = nullptr;
};

// What a leg needs once it has left the plain way (its slot's owner, at once): kept apart, since most never
// do.
struct Detour {
  explicit Detour(net::BlockPool& pool) : bytes(pool) {}

  // It may be what has broken its link.
  void repeatAlone() noexcept { alone = repeatedAlone = true; }

  net::ByteChain bytes;                // the request, while it is on no link
  std::optional<net::Address> target;  // where it has to go; none: to the owner of its slot
  std::uint64_t targetVersion = 0;     // the target is good for this topology only (a redirect) …
  bool sticky = false;                 // … or for all (a command for each node) …
  protocol::Slot anchor =
      protocol::kNoSlot;     // … unless the node is no master any more: to the owner of this slot
  bool urgent = false;       // on a link of its own, past scripts that keep the node busy
  bool dispensable = false;  // its node is done without if it cannot be reached by the deadline
  bool asking = false;
  bool awaitsTarget = false;       // redirected to a node that the topology does not have (yet) …
  std::uint64_t confirmation = 0;  // … as of this look-up, by this line
  std::string redirectLine;
  std::vector<net::Address> lacking;  // nodes that lack the keys that a script wants without declaring them
  bool alone = false;                 // on no connection with others …
  bool repeatedAlone = false;         // … for the second time
  bool large = false;                 // … for its large reply
  std::uint64_t suspicion = 0;        // as what (Suspects); 0: not by what it says
  LoneLease lone;
  std::uint32_t losses = 0;  // links that broke with it
  std::uint32_t attempts = 0;
  net::TimePoint notBefore{};
  net::TimePoint sentAt{};  // last
  net::TimePoint deadline{};
  Trouble trouble = Trouble::Unsent;
  std::unique_ptr<Doubt> doubt;  // while its question is on the link in place of the request
};

struct WaitTerms {
  // Where nobody can be asked: that no server has it. One 0 for each kind of server that was asked for.
  std::string nobody;
  std::optional<net::TimePoint> until;  // none: for ever

  bool operator==(const WaitTerms&) const = default;
};

// What a plain command has none of. Reset as a whole (RequestPool::put()), so that no field is forgotten.
struct RequestTerms {
  routing::Merge merge = routing::Merge::None;
  bool staged = false;          // the composer may have more asked for
  bool wantsWholeSlot = false;  // see Command
  bool fromMasters = false;     // see Plan
  bool besideWatch = false;     // goes on a shared link, though its client watches
  bool emptiesByKey = false;    // FLUSHDB, of which nodes tell trackers key by key
  // Goes on a lease of the client, not on a shared link.
  std::optional<upstream::LeaseUse> lease;
  // CLIENT CACHING was said before it.
  upstream::Front front = upstream::Front::None;
  // Replies that come before the request's own on the link (MULTI's and QUEUED's).
  std::uint32_t preludes = 0;
  std::unique_ptr<routing::Composer> composer;  // in place of the merge
  // Its node needs to have these: they are loaded in front of it, where they are not known to be.
  std::vector<ScriptRef> scripts;
  // What that has added to it on its link; not part of it when it goes another way.
  std::size_t frontBytes = 0;
  // What the slow log may show of it, where nodes get something else.
  std::unique_ptr<const SaidRequest> said;
  // In place of the merge and the composer.
  std::unique_ptr<ReplyHook> hook;
  // What hook or composer take, where that may be much. Bytes, see keep().
  std::size_t kept = 0;
  // A command that blocks: when its own timeout ends; none: never.
  std::optional<net::TimePoint> blockedUntil;
  // WAIT and WAITAOF.
  std::optional<WaitTerms> wait;

  bool operator==(const RequestTerms&) const = default;
};

// Planned: a Work is still preparing it; it holds nothing and stands on no link.
enum class LegState : std::uint8_t { Planned, Held, Sent, Done };

// What goes to one node. An unsplit request has one leg.
class Leg final : public upstream::Exchange {
 public:
  void onReply(std::string_view bytes, bool last) override;
  bool declines(std::uint64_t left, const upstream::SentRequest& sent) override;
  void onLargeReply(const upstream::SentRequest& sent) override;
  void onPreludeError(std::string_view line) override;
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override;
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override;

  bool inDoubt() const noexcept { return detour != nullptr && detour->doubt != nullptr; }

  Request* request = nullptr;
  upstream::Link* link = nullptr;  // while Sent
  std::unique_ptr<Detour> detour;
  CountedText reply;                // of a request whose reply is made here: until all is in
  std::string preludeError;         // of a transaction: the first refusal of a queued command
  std::vector<std::uint32_t> keys;  // Merge::Interleave: which elements of the reply are here
  protocol::Slot slot = protocol::kNoSlot;
  LegState state = LegState::Done;
  bool replyBegun = false;
  bool forgone = false;     // its node has left the cluster: there is no reply, and none is missed
  net::TimePoint sentAt{};  // last
};

class Request final : public RequestTerms {
 public:
  // `memory`: the account that it is part of.
  Request(net::BlockPool& pool, RequestMemory& memory);
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  // Legs in use; their addresses are fixed.
  std::size_t legCount() const noexcept { return legCount_; }
  Leg& leg(std::size_t i) noexcept { return i == 0 ? first_ : *others_[i - 1]; }
  const Leg& leg(std::size_t i) const noexcept { return i == 0 ? first_ : *others_[i - 1]; }
  void makeLegs(std::size_t count);
  // The only leg of a request without terms, as it will be to its end.
  Leg& makeShort() noexcept {
    short_ = true;
    openLegs = 1;
    legCount_ = 1;
    return first_;
  }
  bool isShort() const noexcept { return short_; }
  // So many have had room at once.
  std::size_t legRoom() const noexcept { return 1 + others_.size(); }
  // So much more is kept for its reply, beside blocks, until it is over.
  void keep(std::size_t more) noexcept {
    kept += more;
    memory_.kept += more;
  }
  // What nobody here has seen is not wanted.
  void wantScript(ScriptCache& cache, std::string_view sha);
  // One more while the request is under way.
  Leg& addLeg();
  // All are done, and of no further use.
  void dropLegs() noexcept;
  // Gives back what an unusual number of legs has taken.
  void trimLegs() noexcept;
  bool isHead() const noexcept;
  // The reply is passed on as it comes, not made of several.
  bool streams() const noexcept {
    return short_ || (legCount_ == 1 && composer == nullptr && hook == nullptr);
  }

  Dispatcher* dispatcher = nullptr;
  Downstream* client = nullptr;  // nullptr: has left
  Request* next = nullptr;       // in the client's pending list
  std::uint64_t number = 0;      // there: later ones have larger numbers
  const protocol::CommandSpec* spec = nullptr;
  // Whose keys have other names in the cluster; nullptr: they have not.
  const databases::Database* database = nullptr;
  net::TimePoint arrived{};
  WaitingReply waiting;  // until this request is the head of the pending list
  std::uint32_t openLegs = 0;
  std::uint32_t heldLegs = 0;
  std::size_t replyBytes = 0;  // of its reply so far
  std::size_t bytes = 0;       // of the request itself
  std::size_t charged = 0;     // of its client's account, see Downstream::charge()
  // Of one that is sampled, until it is over; see traced_request.h.
  std::unique_ptr<observe::RequestTrace> trace;
  RequestKind kind = RequestKind::Write;
  bool done = false;
  bool muted = false;  // CLIENT REPLY: its reply is thrown away

 private:
  friend class RequestPool;
  void dropShortLeg() noexcept;

  bool short_ = false;
  bool unneeded_ = false;
  RequestMemory& memory_;
  Leg first_;
  std::vector<std::unique_ptr<Leg>> others_;  // does not shrink while the request is under way
  std::size_t legCount_ = 0;
};

// Of a request in stages whose client has left: the next stage is asked for all the same. `writes`: that
// stage changes something.
bool goesOnForNobody(const Request& request, bool writes) noexcept;

class RequestPool {
 public:
  explicit RequestPool(net::BlockPool& blocks) : blocks_(blocks) {}
  Request& take();
  void put(Request& request) noexcept;
  std::size_t inUse() const noexcept { return all_.size() - free_.size(); }
  // How many requests are under way for which that holds.
  template <typename Predicate>
  std::size_t countOpen(Predicate predicate) const {
    std::size_t count = 0;
    for (const auto& request : all_) count += request->openLegs > 0 && predicate(*request) ? 1U : 0U;
    return count;
  }
  // To be called now and then: gives back the requests that nobody has needed since the last call.
  void trimUnused();
  // Parts of replies that wait to be merged.
  std::size_t mergingBytes() const noexcept { return memory_.merging; }
  // Without what the requests hold in blocks, and what waits to be merged.
  std::size_t bytes() const noexcept { return all_.size() * sizeof(Request) + memory_.legs + memory_.kept; }
  // Has a request in use its spec in this table?
  bool refersTo(const protocol::CommandTable& table) const;

 private:
  net::BlockPool& blocks_;
  RequestMemory memory_;
  std::vector<std::unique_ptr<Request>> all_;
  std::vector<Request*> free_;
  std::size_t fewestFree_ = 0;  // since the last trimUnused()
};

}  // namespace slotless::session
