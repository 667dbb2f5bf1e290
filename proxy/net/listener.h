// A listening socket: accepts connections and hands their descriptors out.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "proxy/net/address/address.h"
#include "proxy/net/listening_socket.h"

namespace slotless::net {

class UvLoop;

class Listener {
 public:
  virtual ~Listener() = default;
  // Where it listens: with the real port if 0 was asked for.
  virtual const Address& address() const = 0;
  virtual ListeningSocket& socket() = 0;
  // `accepted` gets a non-blocking descriptor and owns it. So does `refused`, for connections that only a
  // descriptor kept in reserve could take, because the process has no other left: it must close them before
  // it returns. Without it they wait in the socket.
  static std::unique_ptr<Listener> on(UvLoop& loop, ListeningSocket socket, std::function<void(int)> accepted,
                                      std::function<void(int)> refused = {});
  // On a new TCP socket. Returns nullptr and a reason in `error` ("Address already in use").
  static std::unique_ptr<Listener> open(UvLoop& loop, const Address& address, int backlog,
                                        std::function<void(int)> accepted, std::string& error);
};

}  // namespace slotless::net
