// As whom the proxy comes to the nodes, and how, on every connection that it makes.
#pragma once
#include <string>

#include "proxy/net/tls_source.h"

namespace slotless::upstream {

struct Access {
  std::string username;         // empty: the default user
  std::string password;         // empty: no authentication
  std::string clientName = {};  // for CLIENT SETNAME; empty: none
  net::TlsSourcePtr tls = {};   // nullptr: without encryption
  // What a node has to prove to be that is dialled by a number, since its name has been looked up before;
  // empty: that number.
  std::string tlsName = {};
};

}  // namespace slotless::upstream
