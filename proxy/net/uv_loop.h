// The real event loop: libuv, and hiredis for opening connections to nodes.
#pragma once
#include <uv.h>

#include <cstddef>
#include <mutex>

#include "proxy/net/handle.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"

namespace slotless::net {

class UvLoop final : public Loop {
 public:
  // `keepaliveSeconds`: of the connections that it makes, see tuneTcp(). `resolver` outlives the look-ups;
  // the loop does not wait for them.
  explicit UvLoop(int keepaliveSeconds = 15, Resolver& resolver = Resolver::ofProcess());
  ~UvLoop() override;

  TimePoint now() const override;
  std::unique_ptr<Timer> makeTimer(std::function<void()> callback) override;
  std::unique_ptr<Stream> connect(const Address& address, Stream::Observer& observer, int& error) override;
  std::unique_ptr<Stream> adopt(int descriptor, Stream::Observer& observer) override;
  std::unique_ptr<LookUp> resolve(const std::string& host, Millis patience,
                                  std::function<void(const Resolution&)> callback) override;
  void atTurnEnd(std::function<void()> callback) override;
  void post(std::function<void()> task) override;
  bool hasTimeLeft() override;

  // For connections that are made from now on.
  void setKeepalive(int seconds) noexcept { keepaliveSeconds_ = seconds; }
  // Runs until stop(), which may be called from any thread.
  void run();
  void stop();
  uv_loop_t& raw() noexcept { return loop_; }

  // A turn with more events ends and begins anew: libuv deals with thousands of descriptors before it waits
  // again, and what the first of them have caused must not wait for the last.
  static constexpr std::size_t kEventsPerTurn = 64;
  // From the first work of a turn on that asks for it.
  static constexpr Micros kTimeForLongWork{500};
  // Of UvStream: the event of a descriptor has been dealt with.
  static void onEventDone(uv_loop_t& loop) { static_cast<UvLoop*>(loop.data)->countEvent(); }

 private:
  friend class UvLookUp;
  // Outlives the loop: a look-up may end after it.
  struct Mailbox {
    std::mutex mutex;
    std::vector<std::function<void()>> tasks;
    uv_async_t* bell = nullptr;  // nullptr: nobody empties the mailbox any more
    void put(std::function<void()> task);
  };

  void runMailbox();
  void countEvent();
  void endTurn();

  uv_loop_t loop_{};
  int keepaliveSeconds_;
  // Held as pointers, so that the destructor can close them before the loop's last turn.
  std::unique_ptr<OwnedHandle<uv_async_t>> mailboxBell_;
  std::unique_ptr<OwnedHandle<uv_prepare_t>> beforeWait_;
  std::unique_ptr<OwnedHandle<uv_check_t>> afterWait_;
  std::function<void()> turnEnd_;
  std::size_t events_ = 0;  // of this turn
  TimePoint lookedAt_{};    // in this turn, for the first time
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  Resolver& resolver_;
};

}  // namespace slotless::net
