// What requests under way need of the worker that they run in.
#pragma once
#include <string_view>

namespace slotless::session {

class Request;

class TopologyWishes {
 public:
  // The topology may have changed. Urgent: requests are waiting for it.
  virtual void refreshTopology(bool urgent) = 0;

 protected:
  ~TopologyWishes() = default;
};

class Surroundings {
 public:
  // The request's reply is, or a part of it, that error.
  virtual void onError(const Request& request, std::string_view line) = 0;
  // There is no connection for another request that has to be alone: the client that has kept one paused for
  // longest gives it up, if that is long.
  virtual void closeSlowest() = 0;
  // What blocks is called back from its node by the proxy itself.
  virtual bool callsBack() const noexcept { return false; }

 protected:
  ~Surroundings() = default;
};

}  // namespace slotless::session
