// A command that waits for something in several slots: it looks whether there is something, and looks again
// when it is told that a key has changed, until there is something or its time is over.
//
// Whoever has waited longest for a key is told of it (waiting_lines.h), so one looks and not all of them.
// When that one leaves the next one has its turn; and also when its look takes long, since a node is missing
// or slow: it stands at the end of the line then. Where a node tells of no key (key_watcher.h) the first one
// looks after a pause that grows from one to fifty milliseconds, and everywhere once a second, in case that
// word was lost. Nothing of it is at a node while it rests, so whatever becomes of the nodes, it goes on; and
// who leaves, or is unblocked, takes nothing with him. What an attempt has taken is always given to the
// client. Ownership: the request's, and so ends with it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/routing/attempts.h"
#include "proxy/tracking/key_watcher.h"

namespace slotless::session {

class Client;
class Request;
struct Command;
struct Services;

struct WaitingTerms {
  std::optional<net::TimePoint> until = {};  // none: for ever
  std::string sent = {};
  std::uint32_t nodeDatabase = 0;  // the number that nodes have for its keys' database
};

class Waiting final : public routing::Composer, private KeyAlertEvents {
 public:
  Waiting(Services& services, Client& client, Request& request, std::unique_ptr<routing::Attempts> attempts,
          WaitingTerms terms);
  ~Waiting() override;

  // While it rests the plan is left as it was: Refused, and so for nobody (see Completion).
  bool goOn(std::span<const routing::PartReply> parts, routing::Plan& plan) override;
  bool compose(std::span<const routing::PartReply> parts, std::string& out) override;
  // It has taken no time, as in Redis: no log is to have it.
  bool isLastStage() const override { return false; }

  void begin(routing::Plan& plan) { attempts_->attempt(plan); }
  // Bytes that its places in line and its keys take.
  std::size_t memoryBytes() const;
  // Nothing of it is at a node, but for what may be answered to nobody.
  bool rests() const noexcept { return state_ == State::Asking || state_ == State::Resting; }
  // As the client has sent it; empty: that is not kept, as nothing can be gone over to.
  std::string_view sent() const noexcept { return terms_.sent; }
  // CLIENT UNBLOCK. An attempt that is under way is waited for.
  void unblock(bool asError);
  // It has waited longest of those in that line.
  void onFirst(const std::string& line);

 private:
  // Looking: an attempt is under way. Asking: nodes are asked to tell of keys. Resting: until it is told of
  // a key, or the timer ends. Over: its reply is being given.
  enum class State : std::uint8_t { Looking, Asking, Resting, Over };
  enum class End : std::uint8_t { None, InTime, Unblocked };
  struct Place {
    KeyAlert alert;
    bool isFirst = false;
  };

  void transition(State state);
  bool isOver() const;
  bool isFirstSomewhere() const;
  bool isFirstFor(const KeyAlert& alert) const;
  void look();
  void rest();
  void watch(Place& place);
  void onAsked();
  void restFor(net::Millis delay);
  net::Millis nextPause();
  void onTimer();
  std::string lineOf(std::string_view key) const;
  void takePlaces();
  void joinLines();
  void leaveLines();
  void finish(End end);

  void onAnswer(KeyAlert& alert, bool mayExist) override;
  void onChange(KeyAlert& alert) override;

  Services& services_;
  Client& client_;
  Request& request_;
  const std::unique_ptr<routing::Attempts> attempts_;
  const std::unique_ptr<net::Timer> timer_;
  const WaitingTerms terms_;
  std::vector<std::string> lines_;                                       // one for each key
  std::unordered_map<std::string_view, std::unique_ptr<Place>> places_;  // in them
  std::uint64_t ticket_ = 0;                                             // 0: it stands in none
  State state_ = State::Looking;
  std::size_t asked_ = 0;  // while it asks: how many have not answered
  bool again_ = false;     // something may have come behind the last look
  net::Millis pause_;
  End wanted_ = End::None;  // as soon as nothing is under way
  End end_ = End::None;
};

// nullptr: not a command that can wait in several slots (or it is not to); `error` is the answer if it is not
// empty.
std::unique_ptr<routing::Attempts> attemptsOf(Services& services, Client& client, Command& command,
                                              std::string& error);
// The client's only request begins to wait. Its time counts from now on.
void startWaiting(Services& services, Client& client, Request& request, const Command& command,
                  std::unique_ptr<routing::Attempts> attempts);
// CLIENT UNBLOCK of what waits so. False: it does not.
bool unblockWaiting(Request& request, bool asError);
// What waits so; nullptr: it does not.
const Waiting* waitingOf(const Request& request);

}  // namespace slotless::session
