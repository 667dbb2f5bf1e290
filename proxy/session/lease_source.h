// Where the watch and the blocking commands of one client get their leases: of the pool, or, while it tracks
// keys, its tracking leases, which remain its own.
#pragma once
#include "proxy/upstream/lease_pool.h"

namespace slotless::session {

class Client;
struct Services;

class LeaseSource {
 public:
  LeaseSource(Client& client, Services& services) : client_(client), services_(services) {}

  // nullptr: none to be had now.
  upstream::Link* acquire(const net::Address& node, upstream::LeaseUse use);
  // `clean`: the node remembers nothing of that use.
  void release(upstream::Link& lease, upstream::LeaseUse use, bool clean);

 private:
  Client& client_;
  Services& services_;
};

}  // namespace slotless::session
