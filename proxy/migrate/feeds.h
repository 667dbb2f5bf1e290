// The feeds of changes of all nodes that one side of a migration has, as its masters come and go.
//
// A master that was none before may have changed anything until it is heard: then all of it is lost, once.
// For one thread; what is heard is told on others.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "proxy/migrate/change_feed.h"
#include "proxy/migrate/nodes.h"

namespace slotless::migrate {

class Feeds {
 public:
  // The listener is told by several threads at once.
  Feeds(Nodes& nodes, ChangeFeed::Listener listener);
  Feeds(const Feeds&) = delete;
  Feeds& operator=(const Feeds&) = delete;
  // The listener has to say that it is stopped before.
  ~Feeds() = default;

  // Each second, and at the beginning: who is a master now?
  void look();
  bool isUp() const;
  // See ChangeFeed.
  void requestBarrier();
  bool reached() const;

 private:
  struct Fed {
    Fed(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options,
        ChangeFeed::Listener listener, std::string missed);
    Fed(const Fed&) = delete;
    Fed& operator=(const Fed&) = delete;
    ~Fed();

    std::atomic<bool> gone{false};
    ChangeFeed feed;
    std::uint64_t barrier = 0;
    std::thread thread;
  };

  Nodes& nodes_;
  const ChangeFeed::Listener listener_;
  bool looked_ = false;
  std::map<std::string, std::unique_ptr<Fed>> feds_;  // by where they are
};

}  // namespace slotless::migrate
