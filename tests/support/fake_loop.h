// An event loop without sockets and with a clock that stands still until a test moves it.
//
// A turn is that of the real loop: timers that are due, end of turn, streams that are ready (level-triggered,
// as poll is), the mailbox, end of turn. settle() makes turns until nothing is left to do: the same calls
// always give the same course of events. Single-threaded but for post(). Errors: a loop that never comes to
// rest (an observer that does not do what it watches for) throws std::logic_error.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "fake_connection.h"
#include "proxy/net/loop.h"

namespace slotless::test {

class FakeLoop final : public net::Loop {
 public:
  ~FakeLoop() override;

  // --- for tests ---
  // Makes turns until the loop would wait.
  void settle();
  // One turn; false: there was nothing to do.
  bool turn();
  // Lets time pass: timers fire in the order of their due times, and the loop settles after each, and before.
  void advance(net::Millis duration);
  // When the next timer is due; TimePoint::max() if none runs.
  net::TimePoint nextTimer() const;

  // A client's connection, to be given to the proxy by its descriptor().
  std::shared_ptr<FakeConnection> incoming(net::Address peer = {"127.0.0.1", 40000});
  // Called for each connection that the proxy begins, before connect() returns: may accept() or refuse() it.
  // The answer reaches the proxy at the next turn. Without it connections stay as they are.
  std::function<void(const std::shared_ptr<FakeConnection>&)> onConnect;
  // connect() returns nullptr with this errno; 0: no longer.
  void refuseAtOnce(const net::Address& address, int error) { refusedAtOnce_[address] = error; }
  // All connections that the proxy has begun and not yet closed, oldest first.
  std::vector<std::shared_ptr<FakeConnection>> openConnections() const;
  std::size_t connectCalls() const noexcept { return connectCalls_; }

  // Names that are not in the table are unknown. An empty list of addresses fails with `resolution.error`.
  void setResolution(const std::string& host, net::Resolution resolution) {
    names_[host] = std::move(resolution);
  }
  // Look-ups are not answered until this is taken back.
  void stallResolving(bool stalled);

  // --- net::Loop ---
  net::TimePoint now() const override { return now_; }
  std::unique_ptr<net::Timer> makeTimer(std::function<void()> callback) override;
  std::unique_ptr<net::Stream> connect(const net::Address& address, net::Stream::Observer& observer,
                                       int& error) override;
  std::unique_ptr<net::Stream> adopt(int descriptor, net::Stream::Observer& observer) override;
  std::unique_ptr<net::LookUp> resolve(const std::string& host, net::Millis patience,
                                       std::function<void(const net::Resolution&)> callback) override;
  // Of everybody who asks, in that order: several workers may share this loop.
  void atTurnEnd(std::function<void()> callback) override { turnEnds_.push_back(std::move(callback)); }
  void post(std::function<void()> task) override;

 private:
  friend class FakeTimer;

  bool fireTimers();
  bool pollStreams();
  bool runMailbox();
  void endTurn() const;
  bool anythingReady();
  friend class FakeLookUp;
  net::Resolution resolutionOf(const std::string& host) const;

  // Later than the epoch: time points that were never set must lie in the past.
  net::TimePoint now_ = net::TimePoint(std::chrono::hours(1));
  std::set<class FakeTimer*> timers_;
  std::uint64_t timerStarts_ = 0;
  std::vector<std::shared_ptr<FakeConnection>> connections_;
  std::map<int, std::shared_ptr<FakeConnection>> incoming_;
  int nextDescriptor_ = 1000;
  std::size_t connectCalls_ = 0;
  std::map<net::Address, int> refusedAtOnce_;
  std::map<std::string, net::Resolution> names_;
  bool stalled_ = false;
  std::vector<class FakeLookUp*> lookUps_;  // stalled
  std::vector<std::function<void()>> turnEnds_;
  mutable std::mutex mailboxMutex_;
  std::vector<std::function<void()>> mailbox_;
};

}  // namespace slotless::test
