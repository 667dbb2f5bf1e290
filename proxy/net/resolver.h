// Looks names up, for the whole process: on threads of its own that nobody waits for. getaddrinfo() cannot be
// cancelled, and a name server that is silent keeps it for as long as it likes, the end of the process
// included.
//
// Thread-safe. On a loop, Loop::resolve() is the way here. Ownership: destroying a resolver leaves the
// look-ups under way to themselves; they call nobody back any more once the resolver is gone.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

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

 private:
  struct State;

 public:
  // Destroyed, it takes the question back: there is no call any more, and the name is not looked up if that
  // has not begun and nobody else asks. May outlive the resolver.
  class Question {
   public:
    Question() = default;
    ~Question() { takeBack(); }
    Question(Question&& other) noexcept { *this = std::move(other); }
    Question& operator=(Question&& other) noexcept;

   private:
    friend class Resolver;
    void takeBack();
    std::weak_ptr<State> state_;
    std::string host_;
    std::uint64_t id_ = 0;
  };

  explicit Resolver(LookUp lookUp);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // By getaddrinfo(); never destroyed.
  static Resolver& ofProcess();

  [[nodiscard]] Question resolve(const std::string& host, Callback callback);
  // Waits for the answer, but not for longer than `patience`: only where nothing else is to be done, as while
  // the process starts. A numeric host is its own answer.
  Resolution await(const std::string& host, Millis patience);

 private:
  static void work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace slotless::net
