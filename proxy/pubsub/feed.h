// One connection to a node on which the node speaks whenever it likes: SUBSCRIBE's and MONITOR's.
//
// States are a link's: Idle -> Connecting -> Handshaking -> Ready -> BackingOff (and again, as long as it is
// wanted); the pauses double, unless the connection lived for a while. One on which nothing has been said for
// `heartbeat` is tried with a PING; if there is no answer, and the node answers on another connection, it is
// dead. Whole replies are handed to the owner. Ownership: must not be destroyed inside of its
// owner's callbacks. Errors: the owner is told why a connection was lost; what was sent on it is forgotten.
//
// Where there is a password it speaks RESP3 if the node does, since a subscriber of RESP2 cannot say AUTH: so
// that new credentials cost no connection, and no message. A node without RESP3 has neither users nor tokens
// that expire; it keeps the connection as it is.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/reply_scanner.h"
#include "proxy/net/byte_chain.h"
#include "proxy/net/loop.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/backoff.h"
#include "proxy/upstream/connection.h"
#include "proxy/upstream/link.h"
#include "proxy/upstream/link_probe.h"
#include "proxy/upstream/login.h"

namespace slotless::pubsub {

class Feed;

// Of such a connection, whether or not anything is subscribed to on it.
inline constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
bool isPong(std::string_view reply) noexcept;

class FeedOwner {
 public:
  virtual void onFeedReady() = 0;
  // In RESP2, or messages as pushes of RESP3. False: this was not to be expected, and the connection is of no
  // use any more.
  virtual bool onFeedReply(std::string_view reply) = 0;
  // `established`: the handshake had been completed. Returns whether to connect again.
  virtual bool onFeedLost(std::string_view reason, bool established) = 0;
  // Something has been sent to which there must be a reply.
  virtual bool awaitsFeedReply() const = 0;

 protected:
  ~FeedOwner() = default;
};

class Feed final : private upstream::Connection::Owner {
 public:
  // `settings` outlive the feed.
  Feed(upstream::LinkHost& host, const upstream::LinkSettings& settings, net::Address node,
       telemetry::WorkerMetrics& metrics, FeedOwner& owner);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  const net::Address& node() const noexcept { return connection_.node(); }
  bool ready() const noexcept { return state_ == telemetry::LinkState::Ready; }
  // Begins to connect unless it is connected or on its way.
  void open();
  // Requires ready(). Leaves with flush().
  void send(std::string_view bytes);
  void flush();

 private:
  void transition(telemetry::LinkState next);
  void onGreeting() override;
  void onConnectionUp() override;
  void onBytes(std::string_view bytes) override;
  void onRoom() override;
  void onConnectionLost(std::string_view reason) override;
  void takeReplies(std::string_view bytes);
  void lose(std::string_view reason);
  void onTimer();
  void tend();
  void keepLogin();
  void say(std::string_view request);
  bool takeHeartbeat(std::string_view reply);
  bool takeLogin(std::string_view reply);

  upstream::LinkHost& host_;
  const upstream::LinkSettings& settings_;
  telemetry::WorkerMetrics& workerMetrics_;
  telemetry::NodeMetrics& metrics_;
  FeedOwner& owner_;
  telemetry::LinkState state_ = telemetry::LinkState::Idle;
  upstream::Connection connection_;
  // The pause before the next attempt, or, while it is ready, the next look.
  std::unique_ptr<net::Timer> timer_;
  upstream::Backoff backoff_;
  net::ByteChain output_;
  protocol::ReplyScanner scanner_;
  std::string partial_;   // the beginning of a reply that has not come to its end
  bool beating_ = false;  // a PING is unanswered
  upstream::Login login_;
  net::TimePoint readySince_{};
  net::TimePoint lastHeard_{};
  net::TimePoint lastLook_{};
  net::TimePoint notBefore_{};                  // the next attempt
  std::unique_ptr<upstream::LinkProbe> probe_;  // while it says nothing
};

}  // namespace slotless::pubsub
