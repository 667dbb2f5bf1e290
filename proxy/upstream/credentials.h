// Who the proxy is to the nodes.
#pragma once
#include <string>

namespace slotless::upstream {

struct Credentials {
  std::string username;  // empty: the default user
  std::string password;  // empty: no authentication
};

}  // namespace slotless::upstream
