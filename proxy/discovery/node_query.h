// Asks one node a few commands on a connection of its own and calls back once: with all replies, or with an
// error. The connection of an answered query may be used again, until the query is destroyed.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/upstream/connection.h"
#include "proxy/upstream/handshake.h"

namespace slotless::discovery {

struct QueryResult {
  std::vector<upstream::ReplyPtr> replies;  // one per command, in order; empty if `error` is set
  std::string error;
};

class NodeQuery final : private upstream::Connection::Owner {
 public:
  using Callback = std::function<void(QueryResult)>;

  // Never calls back from within the constructor. Destroying the query cancels it, in the callback too.
  NodeQuery(net::Loop& loop, net::Address node, const upstream::Access& access,
            const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
            Callback callback);

  // Whether again() may be called: all was answered, and the node has not closed the connection since.
  bool reusable() const noexcept { return connection_.isUp() && callback_ == nullptr; }
  // Asks on the same connection, with a call back of its own.
  void again(const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
             Callback callback);

  const net::Address& node() const noexcept { return connection_.node(); }

 private:
  void onConnectionUp() override;
  void onBytes(std::string_view bytes) override;
  void onRoom() override;
  void onConnectionLost(std::string_view reason) override;
  void add(const std::vector<std::vector<std::string_view>>& commands);
  void takeReplies();
  void finish(std::string error);

  net::Loop& loop_;
  Callback callback_;  // empty: nothing is asked
  upstream::Connection connection_;
  std::unique_ptr<net::Timer> timer_;  // once it is up
  upstream::OwnReplyReader reader_;
  std::string output_;
  std::size_t sent_ = 0;
  std::string sendError_;
  net::TimePoint endsAt_;
  std::size_t expected_ = 0;
  QueryResult result_;
};

}  // namespace slotless::discovery
