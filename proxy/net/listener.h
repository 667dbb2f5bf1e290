// A listening socket: accepts connections and hands their descriptors out.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "proxy/net/address.h"

namespace slotless::net {

class UvLoop;

class Listener {
 public:
  virtual ~Listener() = default;
  // Where it listens: with the real port if 0 was asked for.
  virtual const Address& address() const = 0;
  // Returns nullptr and a reason in `error` ("address already in use"). An empty host means all addresses.
  // `accepted` gets a non-blocking descriptor and owns it.
  static std::unique_ptr<Listener> open(UvLoop& loop, const Address& address, int backlog,
                                        std::function<void(int)> accepted, std::string& error);
};

}  // namespace slotless::net
