// Looks names up on threads of their own that nobody waits for: getaddrinfo() cannot be cancelled, and a name
// server that is silent keeps it for as long as it likes, the end of the process included.
//
// Thread-safe. Ownership: destroying a resolver leaves the look-ups under way to themselves; they call nobody
// back any more once the resolver is gone.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "proxy/net/loop.h"

namespace slotless::net {

class Resolver {
 public:
  using LookUp = std::function<Resolution(const std::string& host)>;
  // On a thread of the resolver.
  using Callback = std::function<void(const Resolution&)>;

  // So many names are looked up at once; others wait. The same name is looked up once for all who ask
  // meanwhile.
  static constexpr int kThreads = 4;

  explicit Resolver(LookUp lookUp);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // By getaddrinfo(); never destroyed.
  static Resolver& ofProcess();

  void resolve(const std::string& host, Callback callback);

 private:
  struct State;
  static void work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace slotless::net
