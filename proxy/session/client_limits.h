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
  bool onRoom() noexcept {
    waitsForRoom_ = false;
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
  };
  enum class Whose : std::uint8_t { Address, User };
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
  void giveBack(std::uint64_t requests);
  void setDelayed(bool on) noexcept;

  Client& client_;
  Services& services_;
  access::BudgetPtr address_;
  access::BudgetPtr user_;
  std::uint64_t chargedSent_;  // bytes that have been paid for
  std::uint64_t chargedReceived_;
  std::uint64_t share_ = 0;  // of the user's requests in flight
  net::TimePoint due_{};     // of the request at hand
  std::optional<Refusal> refused_;
  bool delayed_ = false;
  net::TimePoint wakesAt_{};   // Turns will wake it then …
  bool waitsForRoom_ = false;  // … or when there is room
};

}  // namespace slotless::session
