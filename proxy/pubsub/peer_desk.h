// Where a worker leaves an order for the other proxies, and who speaks with them takes it: the two know
// nothing else of each other.
//
// One for the process. Thread-safe. Nobody waits: answers come later, to the loop of who asks.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "proxy/net/loop.h"
#include "proxy/pubsub/peer_order.h"

namespace slotless::pubsub {

class PeerDesk {
 public:
  using Answered = std::function<void(PeerAnswers answers)>;
  // Calls `done` once, then or later.
  using Take = std::function<void(const PeerOrder& order, Answered done)>;

  static PeerDesk& ofProcess();

  // Who takes orders from now on, on that loop, until the returned object is destroyed there.
  class Attendance;
  std::unique_ptr<Attendance> attend(net::Loop& loop, Take take);

  // `done` is called once, on `loop` and never before ask() has returned. Nobody attends: there is no other
  // proxy.
  void ask(PeerOrder order, net::Loop& loop, Answered done);

 private:
  struct Attendant {
    net::Loop& loop;
    Take take;
  };

  void leave(const std::shared_ptr<Attendant>& attendant);

  std::mutex mutex_;
  std::shared_ptr<Attendant> attendant_;  // its object owns it; orders under way find out when it has gone
};

class PeerDesk::Attendance {
 public:
  Attendance(PeerDesk& desk, std::shared_ptr<Attendant> attendant)
      : desk_(desk), attendant_(std::move(attendant)) {}
  ~Attendance() { desk_.leave(attendant_); }
  Attendance(const Attendance&) = delete;
  Attendance& operator=(const Attendance&) = delete;

 private:
  PeerDesk& desk_;
  std::shared_ptr<Attendant> attendant_;
};

}  // namespace slotless::pubsub
