// One node of the cluster, played by a test: `node(1).expects("GET a").replies("$1\r\n1\r\n")`.
//
// What the proxy says itself on a connection (AUTH, HELLO, PING, CLIENT SETNAME, CLIENT NO-EVICT, ROLE) is
// answered unless the test says otherwise; every other request waits to be expected, in the order of arrival.
// A request that no test expected fails the test at its end.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "fake_loop.h"
#include "resp_text.h"

namespace slotless::test {

class Stage;
using Where = std::source_location;

// ROLE of a replica that gets what its master does.
inline constexpr std::string_view kFollowing =
    "*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:7001\r\n$9\r\nconnected\r\n:100\r\n";

// A request that has arrived at a node, and can be answered.
class Received {
 public:
  Received(Stage& stage, Words words, std::shared_ptr<FakeConnection> connection, std::string user)
      : stage_(&stage),
        words_(std::move(words)),
        connection_(std::move(connection)),
        user_(std::move(user)) {}
  // The proxy has dealt with the bytes when this returns. The test keeps the order of replies.
  void replies(std::string_view bytes) const;
  const Words& words() const noexcept { return words_; }
  // As whom its connection is known to a node that has users.
  const std::string& user() const noexcept { return user_; }
  FakeConnection& connection() const noexcept { return *connection_; }
  const std::shared_ptr<FakeConnection>& sharedConnection() const noexcept { return connection_; }

 private:
  Stage* stage_;
  Words words_;
  std::shared_ptr<FakeConnection> connection_;
  std::string user_;
};

class FakeNode {
 public:
  FakeNode(Stage& stage, net::Address address) : stage_(&stage), address_(std::move(address)) {}

  // The next request to arrive; fails the test if it is another one, or none.
  Received expects(std::string_view text, Where where = Where::current());
  // Whatever it is.
  Received expectsAny(Where where = Where::current());
  // Whatever there is, if anything, without a turn of the loop.
  std::optional<Received> next();
  void expectsNothing(Where where = Where::current());
  // "ASKING", answered, and then the request.
  Received expectsAsking(std::string_view text, Where where = Where::current());

  // --- what else it can do on its newest connection ---
  void pushes(std::string_view bytes);
  void resets();
  void ends();
  FakeConnection& connection() const;
  bool connected() const;
  // How many bytes it will take before a write blocks.
  void takesOnly(std::size_t bytes) { connection().setWriteCapacity(bytes); }
  void takesAll();

  // --- what it does with new connections ---
  void acceptsConnections() { connecting_ = Connecting::Accept; }
  void refusesConnections() { connecting_ = Connecting::Refuse; }
  void ignoresConnections() { connecting_ = Connecting::Ignore; }
  // From now on it has these users, by name, with their passwords; an empty one: any. Without them everybody
  // may do everything.
  void hasUsers(std::map<std::string, std::string> passwords) { passwords_ = std::move(passwords); }
  // What ACL DRYRUN is told: "alice monitor".
  void forbids(const std::string& userAndCommand) { forbidden_.insert(userAndCommand); }
  void permits(const std::string& userAndCommand) { forbidden_.erase(userAndCommand); }
  // As Redis does when a user is deleted.
  void drops(const std::string& user);
  // The first word of the handshake's commands, or the first two; an empty reply: none.
  void answersHandshake(const std::string& words, std::string reply) { handshake_[words] = std::move(reply); }
  // The test answers it, in the order of arrival.
  void leavesToTest(const std::string& words) { handshake_.erase(words); }
  // What is between here and there has forgotten that connection: nothing comes through any more.
  void losesFlow(const FakeConnection& connection);
  // The handshake's commands so far, over all connections.
  const std::vector<std::string>& handshakes() const noexcept { return handshakes_; }
  std::size_t connects() const noexcept { return connects_; }

  const net::Address& address() const noexcept { return address_; }
  std::size_t unexpected() const noexcept { return requests_.size(); }

  // --- for the stage ---
  void onConnect(const std::shared_ptr<FakeConnection>& connection);
  // Reads what has come and answers handshakes; false: there was nothing.
  bool serve();

 private:
  enum class Connecting { Accept, Refuse, Ignore };
  struct Link {
    std::shared_ptr<FakeConnection> connection;
    std::string bytes;  // of an incomplete request
    bool dead = false;
    std::string user{};
  };

  // nullptr: it is no command of a handshake.
  const std::string* answerTo(const Words& words) const;
  // The same for a node that has users.
  std::optional<std::string> answerAsServer(const Words& words, Link& link) const;

  Stage* stage_;
  net::Address address_;
  Connecting connecting_ = Connecting::Accept;
  std::map<std::string, std::string> handshake_ = {{"AUTH", "+OK\r\n"},
                                                   {"HELLO", "%1\r\n+proto\r\n:3\r\n"},
                                                   {"PING", "+PONG\r\n"},
                                                   {"CLIENT", "+OK\r\n"},
                                                   {"ROLE", std::string(kFollowing)}};
  std::map<std::string, std::string> passwords_;
  std::set<std::string> forbidden_;
  std::vector<std::string> handshakes_;
  std::size_t connects_ = 0;
  std::vector<Link> links_;
  std::deque<Received> requests_;
};

}  // namespace slotless::test
