// What one client shares with others of its address and of its user: how many they may be, and how much they
// may ask for.
//
// Exists only where there is something to count. A request is paid for when it is looked at first; its turn
// comes then, or later (Turns).
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "config/config.h"
#include "proxy/access/budgets.h"
#include "proxy/net/loop.h"
#include "proxy/telemetry/worker_metrics.h"

namespace slotless::session {

class Client;
struct Services;

class ClientLimits {
 public:
  ClientLimits(Client& client, Services& services);
  ~ClientLimits();
  ClientLimits(const ClientLimits&) = delete;
  ClientLimits& operator=(const ClientLimits&) = delete;

  // False: there are as many as may be. 0: any number.
  bool joinAddress(access::BudgetPtr budget, std::uint64_t most);
  bool joinUser(access::BudgetPtr budget, std::uint64_t most);
  void leaveUser();
  // The connection is over.
  void leave();

  // Something is counted with each request.
  bool counts() const;
  enum class Turn : std::uint8_t { Now, Later, Never };
  // Of the request at hand, as often as it is looked at. `counted`: it counts as in flight.
  Turn admit(bool counted);
  // Never: the line for the client.
  std::string refusal() const;
  // It is about to be woken. False: it does not wait.
  bool onTurn() const noexcept { return delayed_; }
  // The same of what waits for room in that budget.
  bool onRoom(const access::Budget& budget) noexcept {
    if (roomAwaited_.budget != &budget) return false;
    roomAwaited_ = {};
    return delayed_;
  }
  // All replies are in.
  void onSettled();

 private:
  struct Rates {
    std::uint64_t requests = 0;  // 0: any number
    std::uint64_t bytes = 0;
    std::uint64_t inFlight = 0;
    config::LimitAction action = config::LimitAction::Delay;

    bool any() const noexcept { return requests > 0 || bytes > 0 || inFlight > 0; }
  };
  enum class Whose : std::uint8_t { Address, User };
  // What it has in common with others.
  struct Common {
    access::BudgetPtr budget;
    std::uint64_t share = 0;  // of the requests in flight
  };
  // For room in which it is called, and as what: there are as many requests in flight as may be.
  struct Room {
    const access::Budget* budget = nullptr;
    std::uint64_t most = 0;
    bool operator==(const Room&) const = default;
  };
  struct Refusal {
    telemetry::Limit limit;
    Whose whose;
    std::uint64_t most;
  };

  Rates ratesOfAddress() const;
  Rates ratesOfUser() const;
  void pay();
  void pay(access::Budget& budget, const Rates& rates, Whose whose, std::uint64_t sent,
           std::uint64_t received);
  void note(net::TimePoint due, config::LimitAction action, Refusal refusal);
  Turn begin(bool counted);
  Turn begin(Common& common, const Rates& rates, Whose whose, std::uint64_t wanted);
  void awaitRoom(const access::BudgetPtr& budget, std::uint64_t most);
  void keep(Common& common, std::uint64_t requests);
  void setDelayed(bool on) noexcept;

  Client& client_;
  Services& services_;
  Common address_;
  Common user_;
  std::uint64_t chargedSent_;  // bytes that have been paid for
  std::uint64_t chargedReceived_;
  net::TimePoint due_{};  // of the request at hand
  std::optional<Refusal> refused_;
  bool delayed_ = false;
  net::TimePoint wakesAt_{};  // Turns will wake it then …
  Room roomAwaited_;          // … or when there is room
};

}  // namespace slotless::session
