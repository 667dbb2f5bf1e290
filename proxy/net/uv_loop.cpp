#include "proxy/net/uv_loop.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "proxy/net/socket_address.h"
#include "proxy/net/tcp_options.h"
#include "proxy/net/uv_stream.h"

namespace slotless::net {

namespace {

class UvTimer final : public Timer {
 public:
  UvTimer(uv_loop_t& loop, std::function<void()> callback) : callback_(std::move(callback)) {
    uv_timer_init(&loop, timer_.get());
    timer_.initialised(this);
  }
  void start(Millis delay) override {
    const auto millis = std::max<Millis::rep>(0, delay.count());
    // libuv measures from the start of the turn; without this a long turn would shorten the delay.
    uv_update_time(timer_->loop);
    uv_timer_start(
        timer_.get(),
        [](uv_timer_t* handle) {
          // A copy: the callback may destroy its timer, and with it the function that is running.
          const auto callback = static_cast<UvTimer*>(handle->data)->callback_;
          callback();
        },
        static_cast<std::uint64_t>(millis), 0);
  }
  void stop() override { uv_timer_stop(timer_.get()); }
  bool active() const override {
    return uv_is_active(reinterpret_cast<const uv_handle_t*>(timer_.get())) != 0;
  }

 private:
  OwnedHandle<uv_timer_t> timer_;
  std::function<void()> callback_;
};

}  // namespace

UvLoop::UvLoop(int keepaliveSeconds, Resolver& resolver)
    : keepaliveSeconds_(keepaliveSeconds),
      mailboxBell_(std::make_unique<OwnedHandle<uv_async_t>>()),
      beforeWait_(std::make_unique<OwnedHandle<uv_prepare_t>>()),
      afterWait_(std::make_unique<OwnedHandle<uv_check_t>>()),
      resolver_(resolver) {
  if (uv_loop_init(&loop_) != 0) throw std::runtime_error("cannot create an event loop");
  loop_.data = this;
  if (uv_async_init(&loop_, mailboxBell_->get(),
                    [](uv_async_t* handle) { static_cast<UvLoop*>(handle->data)->runMailbox(); }) != 0) {
    throw std::runtime_error("cannot create a mailbox");
  }
  mailboxBell_->initialised(this);
  mailbox_->bell = mailboxBell_->get();
  uv_prepare_init(&loop_, beforeWait_->get());
  beforeWait_->initialised(this);
  uv_check_init(&loop_, afterWait_->get());
  afterWait_->initialised(this);
}

UvLoop::~UvLoop() {
  {
    const std::lock_guard guard(mailbox_->mutex);
    mailbox_->bell = nullptr;
  }
  mailboxBell_.reset();
  beforeWait_.reset();
  afterWait_.reset();
  uv_run(&loop_, UV_RUN_DEFAULT);  // lets the close callbacks run
  uv_loop_close(&loop_);
}

TimePoint UvLoop::now() const {
  return TimePoint(std::chrono::nanoseconds(uv_hrtime()));
}

std::unique_ptr<Timer> UvLoop::makeTimer(std::function<void()> callback) {
  return std::make_unique<UvTimer>(loop_, std::move(callback));
}

std::unique_ptr<Stream> UvLoop::connect(const Address& address, Stream::Observer& observer, int& error) {
  redisContext* context = redisConnectNonBlock(address.host.c_str(), address.port);
  if (context == nullptr || context->err != 0) {
    error = errno != 0 ? errno : ECONNREFUSED;
    if (context != nullptr) redisFree(context);
    return nullptr;
  }
  fcntl(context->fd, F_SETFD, FD_CLOEXEC);  // a successor must not keep it open
  tuneTcp(context->fd, keepaliveSeconds_);
  auto stream = std::make_unique<UvStream>(
      loop_, context->fd, address, [context] { redisFree(context); }, observer);
  if (!stream->usable()) {
    error = EBADF;
    return nullptr;
  }
  stream->nameAsOwn();
  stream->watch(false, true);
  return stream;
}

std::unique_ptr<Stream> UvLoop::adopt(int descriptor, Stream::Observer& observer) {
  auto stream = std::make_unique<UvStream>(
      loop_, descriptor, farEndOf(descriptor), [descriptor] { ::close(descriptor); }, observer);
  if (!stream->usable()) return nullptr;
  stream->watch(true, false);
  return stream;
}

// Told by the resolver's thread through the mailbox, by the deadline, or, if it is numeric, by the mailbox
// alone; whichever comes first.
class UvLookUp final : public LookUp {
 public:
  UvLookUp(UvLoop& loop, const std::string& host, Millis patience,
           std::function<void(const Resolution&)> callback)
      : callback_(std::move(callback)) {
    const auto tell = [mailbox = loop.mailbox_, self = self_](const Resolution& resolution) {
      mailbox->put([self, resolution] {
        if (*self != nullptr) (*self)->answer(resolution);
      });
    };
    if (isNumericHost(host)) {
      tell({{host}, {}});
      return;
    }
    deadline_ = loop.makeTimer([this] { answer({{}, kNoAnswerInTime}); });
    deadline_->start(patience);
    question_ = loop.resolver_.resolve(host, tell);
  }
  ~UvLookUp() override { *self_ = nullptr; }
  UvLookUp(const UvLookUp&) = delete;
  UvLookUp& operator=(const UvLookUp&) = delete;

 private:
  void answer(const Resolution& resolution) {
    *self_ = nullptr;
    deadline_.reset();
    question_ = {};
    // A copy: the callback may destroy this.
    const auto callback = std::move(callback_);
    callback(resolution);
  }

  // Only looked into on the loop's thread.
  std::shared_ptr<UvLookUp*> self_ = std::make_shared<UvLookUp*>(this);
  std::function<void(const Resolution&)> callback_;
  std::unique_ptr<Timer> deadline_;
  Resolver::Question question_;
};

std::unique_ptr<LookUp> UvLoop::resolve(const std::string& host, Millis patience,
                                        std::function<void(const Resolution&)> callback) {
  return std::make_unique<UvLookUp>(*this, host, patience, std::move(callback));
}

void UvLoop::atTurnEnd(std::function<void()> callback) {
  turnEnd_ = std::move(callback);
  // Timers run before the wait and descriptors after it: both can produce output that must not wait.
  uv_prepare_start(beforeWait_->get(),
                   [](uv_prepare_t* handle) { static_cast<UvLoop*>(handle->data)->endTurn(); });
  uv_check_start(afterWait_->get(),
                 [](uv_check_t* handle) { static_cast<UvLoop*>(handle->data)->endTurn(); });
}

void UvLoop::endTurn() {
  events_ = 0;
  lookedAt_ = {};
  turnEnd_();
}

bool UvLoop::hasTimeLeft() {
  if (!turnEnd_) return true;
  if (lookedAt_ == TimePoint{}) lookedAt_ = now();
  return now() - lookedAt_ < kTimeForLongWork;
}

void UvLoop::countEvent() {
  if (++events_ >= kEventsPerTurn && turnEnd_) endTurn();
}

void UvLoop::Mailbox::put(std::function<void()> task) {
  const std::lock_guard guard(mutex);
  if (bell == nullptr) return;
  tasks.push_back(std::move(task));
  uv_async_send(bell);
}

void UvLoop::post(std::function<void()> task) {
  mailbox_->put(std::move(task));
}

void UvLoop::runMailbox() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard guard(mailbox_->mutex);
    tasks.swap(mailbox_->tasks);
  }
  for (const auto& task : tasks) {
    task();
    countEvent();
  }
}

void UvLoop::run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
}

void UvLoop::stop() {
  post([this] { uv_stop(&loop_); });
}

}  // namespace slotless::net
