#include "fake_loop.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "proxy/net/own_connections.h"

namespace slotless::test {

namespace {

// Far more turns than any test needs to settle.
constexpr int kMostTurns = 100'000;
// Of the near ends of the connections that the proxy makes.
constexpr std::size_t kFirstNearPort = 20'000;
constexpr std::size_t kNearPorts = 40'000;

// The peer's address and descriptor are known before its observer is.
class NoObserver final : public net::Stream::Observer {
 public:
  void onReadable() override {}
  void onWritable() override {}
};
NoObserver noObserver;

}  // namespace

class FakeTimer final : public net::Timer {
 public:
  FakeTimer(FakeLoop& loop, std::function<void()> callback) : loop_(loop), callback_(std::move(callback)) {
    loop_.timers_.insert(this);
  }
  ~FakeTimer() override { loop_.timers_.erase(this); }
  FakeTimer(const FakeTimer&) = delete;
  FakeTimer& operator=(const FakeTimer&) = delete;

  void start(net::Millis delay) override {
    active_ = true;
    due_ = loop_.now_ + std::max(delay, net::Millis(0));
    start_ = ++loop_.timerStarts_;
  }
  void stop() override { active_ = false; }
  bool active() const override { return active_; }

  bool dueBy(net::TimePoint time) const { return active_ && due_ <= time; }
  net::TimePoint due() const { return due_; }
  std::uint64_t startNumber() const { return start_; }
  void fire() {
    active_ = false;
    const auto callback = callback_;  // it may destroy this timer
    callback();
  }

 private:
  FakeLoop& loop_;
  std::function<void()> callback_;
  bool active_ = false;
  net::TimePoint due_{};
  std::uint64_t start_ = 0;
};

class FakeStream final : public net::Stream {
 public:
  explicit FakeStream(std::shared_ptr<FakeConnection> connection) : connection_(std::move(connection)) {
    if (connection_->near_.port != 0) own_.emplace(connection_->near_.text());
  }
  ~FakeStream() override {
    connection_->closed_ = true;
    watch(false, false);
  }
  FakeStream(const FakeStream&) = delete;
  FakeStream& operator=(const FakeStream&) = delete;

  void watch(bool readable, bool writable) override {
    if (readable && !connection_->readable_ && !connection_->held_.empty()) remind();
    connection_->readable_ = readable;
    connection_->writable_ = writable;
  }
  net::IoResult read(char* into, std::size_t capacity) override { return connection_->read(into, capacity); }
  net::IoResult write(std::span<const iovec> pieces) override { return connection_->write(pieces); }
  void remind() override { connection_->reminded_ = true; }
  int connectError() override { return connection_->connectError_; }
  const net::Address& peer() const override { return connection_->peer_; }
  net::Address local() const override { return {"127.0.0.1", 7379}; }
  int descriptor() const override { return connection_->descriptor_; }
  std::size_t unsent() const override { return connection_->unsent_; }

 private:
  std::shared_ptr<FakeConnection> connection_;
  std::optional<net::OwnEnd> own_;
};

FakeLoop::~FakeLoop() = default;

void FakeLoop::settle() {
  for (int turns = 0; turns < kMostTurns; ++turns) {
    if (!turn()) return;
  }
  throw std::logic_error("the loop never comes to rest");
}

bool FakeLoop::turn() {
  bool busy = fireTimers();
  // Also without an event: what a test has called from outside the loop may have left work.
  endTurn();
  busy = pollStreams() || busy;
  busy = runMailbox() || busy;
  endTurn();
  return busy || anythingReady();
}

void FakeLoop::advance(net::Millis duration) {
  const net::TimePoint end = now_ + duration;
  settle();
  for (net::TimePoint next = nextTimer(); next <= end; next = nextTimer()) {
    now_ = std::max(now_, next);
    settle();
  }
  now_ = end;
  settle();
}

net::TimePoint FakeLoop::nextTimer() const {
  net::TimePoint next = net::TimePoint::max();
  for (const FakeTimer* timer : timers_) {
    if (timer->active()) next = std::min(next, timer->due());
  }
  return next;
}

bool FakeLoop::fireTimers() {
  // Numbers, not pointers: a callback may destroy or restart others. What it starts fires in a later turn.
  std::vector<std::pair<net::TimePoint, std::uint64_t>> due;
  for (const FakeTimer* timer : timers_) {
    if (timer->dueBy(now_)) due.emplace_back(timer->due(), timer->startNumber());
  }
  std::sort(due.begin(), due.end());
  for (const auto& [time, number] : due) {
    const auto same = [wanted = number](const FakeTimer* timer) {
      return timer->active() && timer->startNumber() == wanted;
    };
    const auto found = std::find_if(timers_.begin(), timers_.end(), same);
    if (found != timers_.end()) (*found)->fire();
  }
  return !due.empty();
}

bool FakeLoop::pollStreams() {
  std::erase_if(connections_, [](const auto& connection) { return connection->closed(); });
  bool busy = false;
  const auto connections = connections_;
  for (const auto& connection : connections) {
    const bool readable = connection->wantsRead();
    if (connection->wantsWrite()) {
      busy = true;
      connection->observer_->onWritable();
    }
    // The observer may have destroyed the stream, or lost its interest in reading.
    if (readable && connection->wantsRead()) {
      busy = true;
      connection->observer_->onReadable();
    }
  }
  return busy;
}

bool FakeLoop::runMailbox() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard guard(mailboxMutex_);
    tasks.swap(mailbox_);
  }
  for (const auto& task : tasks) task();
  return !tasks.empty();
}

void FakeLoop::endTurn() const {
  for (const auto& callback : turnEnds_) callback();
}

bool FakeLoop::anythingReady() {
  {
    const std::lock_guard guard(mailboxMutex_);
    if (!mailbox_.empty()) return true;
  }
  return nextTimer() <= now_ ||
         std::any_of(connections_.begin(), connections_.end(), [](const auto& connection) {
           return connection->wantsRead() || connection->wantsWrite();
         });
}

std::shared_ptr<FakeConnection> FakeLoop::incoming(net::Address peer) {
  const int descriptor = nextDescriptor_++;
  auto connection = std::make_shared<FakeConnection>(std::move(peer), false, descriptor, noObserver);
  incoming_[descriptor] = connection;
  return connection;
}

std::vector<std::shared_ptr<FakeConnection>> FakeLoop::openConnections() const {
  std::vector<std::shared_ptr<FakeConnection>> open;
  for (const auto& connection : connections_) {
    if (!connection->closed() && connection->descriptor() < 0) open.push_back(connection);
  }
  return open;
}

class FakeLookUp final : public net::LookUp {
 public:
  FakeLookUp(FakeLoop& loop, std::string host, net::Millis patience,
             std::function<void(const net::Resolution&)> callback)
      : loop_(loop), host_(std::move(host)), callback_(std::move(callback)) {
    deadline_ = loop_.makeTimer([this] { answer({{}, net::kNoAnswerInTime}); });
    deadline_->start(patience);
    loop_.lookUps_.push_back(this);
    if (!loop_.stalled_) answerSoon();
  }
  ~FakeLookUp() override {
    std::erase(loop_.lookUps_, this);
    *self_ = nullptr;
  }
  FakeLookUp(const FakeLookUp&) = delete;
  FakeLookUp& operator=(const FakeLookUp&) = delete;

  void answerSoon() {
    std::erase(loop_.lookUps_, this);
    loop_.post([self = self_, resolution = loop_.resolutionOf(host_)] {
      if (*self != nullptr) (*self)->answer(resolution);
    });
  }

 private:
  void answer(const net::Resolution& resolution) {
    std::erase(loop_.lookUps_, this);
    *self_ = nullptr;
    deadline_.reset();
    const auto callback = std::move(callback_);  // it may destroy this look-up
    callback(resolution);
  }

  FakeLoop& loop_;
  std::shared_ptr<FakeLookUp*> self_ = std::make_shared<FakeLookUp*>(this);
  std::string host_;
  std::function<void(const net::Resolution&)> callback_;
  std::unique_ptr<net::Timer> deadline_;
};

void FakeLoop::stallResolving(bool stalled) {
  stalled_ = stalled;
  if (stalled) return;
  for (FakeLookUp* lookUp : std::exchange(lookUps_, {})) lookUp->answerSoon();
}

net::Resolution FakeLoop::resolutionOf(const std::string& host) const {
  if (net::isNumericHost(host)) return {{host}, {}};
  const auto found = names_.find(host);
  return found != names_.end() ? found->second : net::Resolution{{}, "unknown node or service"};
}

std::unique_ptr<net::Timer> FakeLoop::makeTimer(std::function<void()> callback) {
  return std::make_unique<FakeTimer>(*this, std::move(callback));
}

std::unique_ptr<net::Stream> FakeLoop::connect(const net::Address& address, net::Stream::Observer& observer,
                                               int& error) {
  ++connectCalls_;
  const auto refused = refusedAtOnce_.find(address);
  if (refused != refusedAtOnce_.end() && refused->second != 0) {
    error = refused->second;
    return nullptr;
  }
  auto connection = std::make_shared<FakeConnection>(address, true, -1, observer);
  connection->near_ = {"10.9.9.9", static_cast<std::uint16_t>(kFirstNearPort + connectCalls_ % kNearPorts)};
  connections_.push_back(connection);
  auto stream = std::make_unique<FakeStream>(connection);
  stream->watch(false, true);
  if (onConnect) onConnect(connection);
  return stream;
}

std::unique_ptr<net::Stream> FakeLoop::adopt(int descriptor, net::Stream::Observer& observer) {
  const auto found = incoming_.find(descriptor);
  if (found == incoming_.end()) return nullptr;
  auto connection = found->second;
  incoming_.erase(found);
  connection->observer_ = &observer;
  connections_.push_back(connection);
  auto stream = std::make_unique<FakeStream>(connection);
  stream->watch(true, false);
  return stream;
}

std::unique_ptr<net::LookUp> FakeLoop::resolve(const std::string& host, net::Millis patience,
                                               std::function<void(const net::Resolution&)> callback) {
  return std::make_unique<FakeLookUp>(*this, host, patience, std::move(callback));
}

void FakeLoop::post(std::function<void()> task) {
  const std::lock_guard guard(mailboxMutex_);
  mailbox_.push_back(std::move(task));
}

}  // namespace slotless::test
