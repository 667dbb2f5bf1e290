// Of whom a command's plan may depend: the client that asks.
#pragma once
#include "proxy/access/user.h"
#include "proxy/databases/database.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/net/address/address.h"

namespace slotless::session {

class Asker {
 public:
  // What it calls the databases.
  virtual const databases::Numbering& numbering() const noexcept = 0;
  // Its user, if that may not do everything; else nullptr.
  virtual access::UserPtr restrictedUser() const = 0;
  // For the logs.
  virtual Downstream::Identity identity() const = 0;
  // Where it has found the proxy.
  virtual net::Address localAddress() const = 0;

 protected:
  ~Asker() = default;
};

}  // namespace slotless::session
