// Clients that are not read from because their output does not leave.
//
// Some clients write all their requests before they read a reply: waiting for them to read would last for
// ever. While nothing leaves, such a client may go on writing, in doubling portions, until the hard limit
// closes it.
#pragma once
#include <memory>
#include <vector>

#include "proxy/net/loop.h"

namespace slotless::session {

class ClientConnection;

class StallWatch {
 public:
  explicit StallWatch(net::Loop& loop);
  void watch(ClientConnection& client);
  void forget(ClientConnection& client);

 private:
  static constexpr net::Millis kPatience{200};
  void tick();

  std::unique_ptr<net::Timer> timer_;
  std::vector<ClientConnection*> clients_;
};

}  // namespace slotless::session
