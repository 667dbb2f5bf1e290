// As whom the proxy comes to the nodes, on every connection that it makes.
#pragma once
#include <string>

namespace slotless::telemetry {
class Denials;
}

namespace slotless::upstream {

struct Access {
  std::string username;         // empty: the default user
  std::string password;         // empty: no authentication
  std::string clientName = {};  // for CLIENT SETNAME; empty: none
  // Where it is noted what nodes deny; nullptr: nowhere.
  telemetry::Denials* denials = nullptr;
};

}  // namespace slotless::upstream
