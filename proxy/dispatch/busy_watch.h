// script-busy all: while a script or function on any node runs longer than that node's busy-reply-threshold,
// all clients are refused as by one Redis, but for what ends scripts.
//
// A node does not say so by itself: where a request has had no reply for a while, its node is asked on a link
// that scripts do not keep from being read, until it gives another answer than BUSY. Every worker asks about
// its own requests and tells the others; the first one that sees a script's end tells the others that, too.
// Ownership: the worker's; outlives its links.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/command_spec.h"
#include "proxy/net/address/address.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

class Leg;
struct Context;

class BusyWatch {
 public:
  // One for each worker and node.
  using Place = std::pair<const BusyWatch*, net::Address>;
  using Task = std::function<void(BusyWatch&)>;
  // Has the task run by the watches of all other workers, on their threads.
  using TellOthers = std::function<void(const Task& task)>;

  BusyWatch(Context& context, TellOthers tellOthers);
  ~BusyWatch();

  // A request is on its way.
  void onRequest() {
    if (!ticking_) startTicking();
  }
  bool any() const noexcept { return !busy_.empty(); }
  bool refuses(const protocol::CommandSpec& spec) const noexcept {
    return !busy_.empty() && !spec.has(protocol::kAllowBusy);
  }
  // The node has carried out what the leg has sent: it is not busy, unless this is allowed while it is.
  void onReply(const Leg& leg) {
    if (!busy_.empty() || !probes_.empty()) judgeReply(leg);
  }
  void onErrorReply(const Leg& leg, std::string_view line) {
    if (!busy_.empty() || !probes_.empty()) judgeError(leg, line);
  }
  // What the node said, without '-' and CRLF. Requires that something is busy.
  const std::string& line() const noexcept { return line_; }

 private:
  class Probe;

  // From now on the node is busy, with that line; empty: it is not any more.
  void mark(const Place& place, const std::string& line);
  void startTicking();
  void judgeReply(const Leg& leg);
  void judgeError(const Leg& leg, std::string_view line);
  bool seemsStuck(const Leg& leg) const;
  void endAt(const net::Address& node);
  bool forget(const net::Address& node);
  void tick();
  void probeSlowNodes();
  void announce(const net::Address& node, std::string_view line);

  Context& context_;
  const TellOthers tellOthers_;
  bool ticking_ = false;
  std::unique_ptr<net::Timer> timer_;
  std::map<net::Address, std::unique_ptr<Probe>> probes_;
  std::set<Place> busy_;
  std::string line_;
};

}  // namespace slotless::session
