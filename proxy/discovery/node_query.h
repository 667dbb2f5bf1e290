// Asks one node a few commands on a connection of its own and calls back once: with all replies, or with an
// error. The connection of an answered query may be used again, until the query is destroyed.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/upstream/handshake.h"

namespace slotless::discovery {

struct QueryResult {
  std::vector<upstream::ReplyPtr> replies;  // one per command, in order; empty if `error` is set
  std::string error;
};

class NodeQuery final : private net::Stream::Observer {
 public:
  using Callback = std::function<void(QueryResult)>;

  // Never calls back from within the constructor. Destroying the query cancels it, in the callback too.
  NodeQuery(net::Loop& loop, net::Address node, const upstream::Credentials& credentials,
            const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
            Callback callback);

  // Whether again() may be called: all was answered, and the node has not closed the connection since.
  bool reusable() const noexcept { return stream_ != nullptr && callback_ == nullptr; }
  // Asks on the same connection, with a call back of its own.
  void again(const std::vector<std::vector<std::string_view>>& commands, net::Millis timeout,
             Callback callback);

  const net::Address& node() const noexcept { return node_; }

 private:
  void onReadable() override;
  void onWritable() override;
  void add(const std::vector<std::vector<std::string_view>>& commands);
  void resolve(net::Millis timeout);
  // To the next address that the node's name stands for.
  void connectToNext(std::string_view lastError);
  void takeReplies();
  void finish(std::string error);

  net::Loop& loop_;
  net::Address node_;
  std::vector<std::string> hosts_;  // numeric, not tried yet; the next one last
  Callback callback_;               // empty: nothing is asked
  std::unique_ptr<net::LookUp> lookUp_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<net::Timer> timer_;
  upstream::OwnReplyReader reader_;
  std::string output_;
  std::size_t sent_ = 0;
  std::size_t expected_ = 0;
  std::string startError_;
  bool connected_ = false;
  upstream::Credentials credentials_;
  bool authenticating_;
  QueryResult result_;
};

}  // namespace slotless::discovery
