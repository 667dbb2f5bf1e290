#include "proxy/upstream/doorman.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <utility>

namespace slotless::upstream {

namespace {
constexpr net::Millis kPauseAfterRefusal{1000};
}  // namespace

Doorman::Doorman(LinkHost& host, const LinkPool& masters, const LinkSettings& settings, const Access& access)
    : host_(host),
      masters_(masters),
      settings_(settings),
      access_(access),
      timer_(host.loop.makeTimer([this] { onTimer(); })) {}

Doorman::~Doorman() = default;

void Doorman::ask(std::string auth, net::Millis patience, Callback callback) {
  questions_.push_back({std::move(auth), host_.now + patience, std::move(callback)});
  if (!timer_->active()) timer_->start(kPause);
  const bool greets = questions_.back().auth.empty();
  if (connection_ != nullptr && connection_->isUp() && greets) connection_->close();  // it has been greeted
  if (connection_ != nullptr && connection_->isUp()) return write();
  if (connection_ == nullptr || connection_->isClosed()) open();
}

// From one on that chance chooses.
void Doorman::open() {
  const cluster::Topology& topology = masters_.topology();
  const std::size_t count = topology.nodes.size();
  if (count == 0) return;
  if (next_ == 0) next_ = host_.random(static_cast<std::uint32_t>(count)) + 1;
  for (std::size_t tried = 0; tried < count; ++tried) {
    const cluster::Node& node = topology.nodes[next_++ % count];
    if (!node.master) continue;
    Connection::Owner& self = *this;
    connection_ = std::make_unique<Connection>(host_.loop, host_.scratch, node.address, nullptr, self);
    connection_->open(Handshake(access_), settings_.connectTimeout);
    return;
  }
}

void Doorman::onConnectionUp() {
  host_.touch();
  heardAt_ = host_.now;
  reader_ = {};
  said_ = 0;
  output_.clear();
  while (!questions_.empty() && questions_.front().auth.empty()) settle({true, true, {}});
  write();
}

void Doorman::write() {
  if (connection_ == nullptr || !connection_->isUp()) return;
  if (said_ == 0) heardAt_ = host_.now;
  usedAt_ = host_.now;
  for (; said_ < questions_.size(); ++said_) output_ += questions_[said_].auth;
  output_.erase(0, connection_->write(output_).bytes);
}

void Doorman::onBytes(std::string_view bytes) {
  host_.touch();
  heardAt_ = host_.now;
  reader_.feed(bytes);
  ReplyPtr reply;
  for (;;) {
    const OwnReplyReader::Status status = reader_.next(reply);
    if (status == OwnReplyReader::Status::NeedMore) return;
    if (status == OwnReplyReader::Status::Garbage || said_ == 0) {
      said_ = 0;
      return connection_->close();
    }
    --said_;
    const bool refused = reply->type == REDIS_REPLY_ERROR;
    settle({true, !refused, refused ? std::string(reply->str, reply->len) : std::string()});
    if (connection_->isClosed()) return;
  }
}

void Doorman::settle(const Judgement& judgement) {
  const Question question = std::move(questions_.front());
  questions_.pop_front();
  question.callback(judgement);
}

// One that wants a password says so to whoever says nothing.
void Doorman::onConnectionLost(std::string_view) {
  host_.touch();
  said_ = 0;
  const bool unknown = connection_->unauthorised() && access_.password.empty();
  // Who counts refusals must not lock the proxy's own account.
  if (connection_->unauthorised() && !unknown) heardAt_ = host_.now + kPauseAfterRefusal;
  while (unknown && !questions_.empty() && questions_.front().auth.empty()) settle({true, false, {}});
}

void Doorman::retry() {
  const bool isOpen = connection_ != nullptr && !connection_->isClosed();
  if (isOpen && connection_->isUp() && said_ > 0 && host_.now - heardAt_ >= settings_.connectTimeout)
    connection_->close();
  if ((connection_ == nullptr || connection_->isClosed()) && host_.now >= heardAt_) open();
}

void Doorman::onTimer() {
  host_.touch();
  // What has been said is answered in its order: only the first ones can be over.
  while (!questions_.empty() && host_.now >= questions_.front().deadline) {
    if (said_ > 0) connection_->close();
    said_ = 0;
    settle({});
  }
  if (!questions_.empty()) {
    retry();
    return timer_->start(kPause);
  }
  // A greeting is said once per connection; what is not used is not kept.
  const bool isOld = host_.now - usedAt_ >= settings_.connectTimeout;
  const bool isGreeting = access_.password.empty() && access_.ofClient;
  if (connection_ != nullptr && !connection_->isClosed() && (isOld || isGreeting)) connection_->close();
  if (connection_ != nullptr && !connection_->isClosed()) timer_->start(kPause);
}

}  // namespace slotless::upstream
