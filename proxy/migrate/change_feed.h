// The names of keys that change on a server, as it tells them: CLIENT TRACKING ON BCAST on a connection of
// its own.
//
// Servers tell a name without its database, so one connection hears of all of them. Nothing is told of what
// has changed while there was no connection, nor of SWAPDB.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

class ChangeFeed {
 public:
  struct Listener {
    std::function<void(std::string name)> changed;
    std::function<void()> flushed;                 // FLUSHDB or FLUSHALL: all may be gone
    std::function<void(const std::string&)> lost;  // told when there is a new connection
    std::function<bool()> stopped;
    std::function<void(const std::string&)> failed;  // the server does not allow it
  };

  // `missed`: why something may have been missed before the first connection; empty: nothing has been.
  ChangeFeed(subcommand::ServerUrl url, subcommand::ConnectOptions options, Listener listener,
             std::string missed = {});

  // Until it is stopped; on a thread of its own.
  void run();

  bool isUp() const noexcept { return up_; }
  // Asks for a barrier; reached() is true once all that had changed before has been told.
  std::uint64_t requestBarrier() noexcept { return ++barrierWanted_; }
  bool reached(std::uint64_t barrier) const noexcept { return barrierReached_ >= barrier; }

 private:
  bool open();
  void listen();
  void take(const subcommand::Reply& reply);
  void sendPing();

  subcommand::NodeClient client_;
  const Listener listener_;
  const std::string missed_;
  std::atomic<bool> up_{false};
  std::atomic<std::uint64_t> barrierWanted_{0};
  std::atomic<std::uint64_t> barrierReached_{0};
  // A barrier is two PINGs, the second one sent when the first is answered: what changes while a command is
  // being carried out is told at the end of that turn of the server's loop, so behind the first answer.
  std::uint64_t barrierAsked_ = 0;
  int pingsLeft_ = 0;
  bool pinging_ = false;
  std::chrono::steady_clock::time_point pingSince_;
};

}  // namespace slotless::migrate
