// The two connections by which a proxy hears and speaks on the channel of all proxies: one listens, the other
// publishes, both at the same master, so that who is cut off from one is not heard by the other.
//
// Any master will do, a cluster carries messages to all its nodes; the first choice is the one that owns the
// channel's slot. A connection that is lost is made again at the next beat, by way of another master; a node
// that denies it is left alone for a while. Nobody waits for any of this. Belongs to the loop's thread.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/cluster/topology.h"
#include "proxy/discovery/node_query.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/access.h"
#include "proxy/upstream/connection.h"
#include "proxy/upstream/handshake.h"

namespace slotless::peers {

class PeerLine final : private upstream::Connection::Owner {
 public:
  struct Events {
    std::function<void(std::string_view message)> heard;
    // The subscription at this node has come (1) or is gone (-1).
    std::function<void(const net::Address& node, int change)> listens;
    // What was said is under way no longer: canSay() may be true.
    std::function<void()> said;
  };

  PeerLine(net::Loop& loop, Events events);
  ~PeerLine();
  PeerLine(const PeerLine&) = delete;
  PeerLine& operator=(const PeerLine&) = delete;

  void setTopology(cluster::TopologyPtr topology);
  void setAccess(upstream::Access access, net::Millis patience);
  // Once a beat: connects if there is no connection, and anew after `renewal`, which is how long a node may
  // take a login for good (0: for ever). `hears`: what is said is heard.
  void keep(bool hears, net::Millis renewal);
  void close();

  // Nothing that was said before is under way, and the node has not denied it a moment ago.
  bool canSay() const;
  // Requires canSay().
  void say(std::string_view message);

  bool isListening() const noexcept { return state_ == State::Listening; }
  // Empty: nothing is known to be wrong.
  const std::string& trouble() const noexcept { return trouble_; }
  // Where it listens; empty: nowhere.
  std::string node() const { return isListening() ? node_.text() : std::string(); }

 private:
  enum class State : std::uint8_t { Closed, Connecting, Asking, Listening };

  void onConnectionUp() override;
  void onBytes(std::string_view bytes) override;
  void onRoom() override;
  void onConnectionLost(std::string_view reason) override;
  void transition(State next);
  std::optional<net::Address> nextNode() const;
  void takeReplies();
  // False: it is nothing that was to be expected.
  bool take(const redisReply& reply);
  void onSaid(const discovery::QueryResult& result);
  void lose(const std::string& reason);
  void note(const std::string& trouble);

  net::Loop& loop_;
  const Events events_;
  std::string scratch_;
  upstream::Access access_;
  net::Millis patience_{2000};
  cluster::TopologyPtr topology_;
  State state_ = State::Closed;
  net::Address node_;
  std::unique_ptr<upstream::Connection> connection_;
  std::optional<upstream::OwnReplyReader> reader_;
  std::string output_;
  net::TimePoint since_{};      // it has been in this state
  net::TimePoint notBefore_{};  // the next attempt
  std::size_t losses_ = 0;      // since it listened last
  std::unique_ptr<discovery::NodeQuery> saying_;
  bool isSaying_ = false;
  net::TimePoint silentUntil_{};
  std::string trouble_;
};

}  // namespace slotless::peers
