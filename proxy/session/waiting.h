// A command that waits for something in several slots: it looks again and again, after a pause that grows
// from one to fifty milliseconds, until there is something or its time is over.
//
// Nothing of it is at a node while it pauses, so whatever becomes of the nodes, it goes on; and who leaves,
// or is unblocked, takes nothing with him. What an attempt has taken is always given to the client.
// Ownership: the request's, and so ends with it.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/net/loop.h"
#include "proxy/routing/attempts.h"

namespace slotless::session {

class Client;
class Request;
struct Command;
struct Services;

class Waiting final : public routing::Composer {
 public:
  // `until`: none: for ever.
  Waiting(Services& services, Client& client, Request& request, std::unique_ptr<routing::Attempts> attempts,
          std::optional<net::TimePoint> until, std::string sent);

  // While it pauses the plan is left as it was: Refused, and so for nobody (see Completion).
  bool goOn(std::span<const routing::PartReply> parts, routing::Plan& plan) override;
  bool compose(std::span<const routing::PartReply> parts, std::string& out) override;
  // It has taken no time, as in Redis: no log is to have it.
  bool isLastStage() const override { return false; }

  void begin(routing::Plan& plan) { attempts_->attempt(plan); }
  // Nothing of it is at a node.
  bool pauses() const { return timer_->active(); }
  // As the client has sent it; empty: that is not kept, as nothing can be gone over to.
  std::string_view sent() const noexcept { return sent_; }
  // CLIENT UNBLOCK. An attempt that is under way is waited for.
  void unblock(bool asError);

 private:
  enum class End : std::uint8_t { None, InTime, Unblocked };

  bool isTimeOver() const;
  void pause();
  void onPauseOver();
  void finish();

  Services& services_;
  Client& client_;
  Request& request_;
  const std::unique_ptr<routing::Attempts> attempts_;
  const std::unique_ptr<net::Timer> timer_;
  const std::optional<net::TimePoint> until_;
  const std::string sent_;
  net::Millis nextPause_;
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
