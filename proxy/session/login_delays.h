// Who fails to log in has to wait before the next attempt from the same address is looked at: from 50 ms up
// to a second, and never longer, so that others behind that address get in as well.
//
// A worker's own: those of its clients that wait. The failures are the process's
// (proxy/access/login_failures.h).
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/net/loop.h"

namespace slotless::session {

class Client;
struct Services;

// Of one client, about the request at hand.
enum class LoginDelay : std::uint8_t { None, Waiting, Over };

class LoginDelays {
 public:
  explicit LoginDelays(Services& services);

  // An attempt has failed. How many have from there by now, in a row.
  std::uint64_t note(std::string_view host);
  // Has the attempt at hand to wait? The client is woken then.
  bool holds(Client& client);

 private:
  static constexpr net::Millis kFirst{50};
  static constexpr net::Millis kLongest{1000};

  struct Waiting {
    std::uint64_t client;
    net::TimePoint until;
  };

  void wakeDue();
  void startTimer();

  Services& services_;
  std::vector<Waiting> waiting_;
  std::unique_ptr<net::Timer> timer_;
};

}  // namespace slotless::session
