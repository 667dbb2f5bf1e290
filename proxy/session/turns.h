// Clients that wait until a limit lets their next request through: until a time, or until fewer requests of
// their user or address are in flight.
//
// A worker's own. Nobody is looked at before its time; whoever waits for others is woken by them.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "proxy/access/budgets.h"
#include "proxy/net/loop.h"

namespace slotless::session {

class Client;
struct Services;

class Turns {
 public:
  explicit Turns(Services& services) : services_(services) {}

  void await(const Client& client, net::TimePoint due);
  // `most`: it may go on when fewer are in flight.
  void awaitRoom(const Client& client, access::BudgetPtr budget, std::uint64_t most);
  // For all workers: fewer requests are in flight.
  void tellRoom(const access::BudgetPtr& budget);

 private:
  // Lest somebody who has been woken, and does not go on, keeps the others waiting.
  static constexpr net::Millis kSecondLook{100};

  struct Waiter {
    std::uint64_t client;
    access::BudgetPtr budget;
    std::uint64_t most;
  };

  void wakeDue();
  void startTimer();
  void onRoom(const access::BudgetPtr& budget);
  void lookAgain();
  // nullptr: it has left.
  Client* find(std::uint64_t client) const;

  Services& services_;
  std::multimap<net::TimePoint, std::uint64_t> due_;
  std::deque<Waiter> room_;
  std::unique_ptr<net::Timer> timer_;
  std::unique_ptr<net::Timer> secondLook_;
};

}  // namespace slotless::session
