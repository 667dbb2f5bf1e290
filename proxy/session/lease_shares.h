// Who gets the connections for WATCH when there are too few: fair shares among addresses, and no place for
// those who do nothing with theirs.
//
// While clients wait for a lease, those whose address has its share already wait for those whose address has
// not, and watches with which nothing has been done for lease-idle-timeout end as if a watched key had
// changed; the more wait, the sooner. One per worker. Cost: by the number of clients, ten times a second, and
// only while somebody waits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>

#include "proxy/net/loop.h"

namespace slotless::session {

class Client;
struct Services;

class LeaseShares {
 public:
  // False: others come first.
  bool admits(const Client& client) const;
  // It has to wait; to be called each time it tries.
  void onRefused(const Client& client, net::TimePoint now);
  // Now and then.
  void endIdle(Services& services);

 private:
  std::unordered_map<std::uint64_t, net::TimePoint> waiting_;  // clients, and when they last tried
  std::set<std::string> restrained_;                           // hosts
};

}  // namespace slotless::session
