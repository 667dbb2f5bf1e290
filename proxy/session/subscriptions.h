// What one client has subscribed to, and the SUBSCRIBE commands that have not been confirmed yet.
//
// SUBSCRIBE is confirmed when all of its topics are live at their nodes, or refused at the hold timeout.
// UNSUBSCRIBE is confirmed behind all messages that had been published before it: the nodes are asked for a
// word first. Commands are confirmed in their order; the client's counts, and what it is told, are Redis's. Made with the
// first such command. Commands about many topics are carried out in pieces, see work.h; the client's next
// request waits for them.
#pragma once
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/access/permission.h"
#include "proxy/databases/database.h"
#include "proxy/dispatch/owned_request.h"
#include "proxy/dispatch/work.h"
#include "proxy/pubsub/hub.h"

namespace slotless::session {

class Client;
class Request;
struct Services;

class Subscriptions final : private pubsub::Listener {
 public:
  // Of a command, and of a client that leaves: more topics than should be dealt with at once.
  static constexpr std::size_t kMostAtOnce = 64;

  Subscriptions(Client& client, Services& services);
  // Ends all of them. The requests under way are the client's.
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  // Of a SUBSCRIBE: it is too many, and has been answered.
  bool refuses(const protocol::CommandSpec& spec, protocol::Argv argv);
  // `argv`: the whole command. Require that all earlier replies are in, but for unconfirmed().
  void subscribe(const protocol::CommandSpec& spec, protocol::Argv argv);
  void unsubscribe(const protocol::CommandSpec& spec, protocol::Argv argv);
  // The same in pieces. The client's input has to be held until they are done.
  void subscribeLong(const protocol::CommandSpec& spec, OwnedRequest request);
  // `fenced`: not before that.
  void unsubscribeLong(const protocol::CommandSpec& spec, OwnedRequest request, bool fenced);
  // Before an UNSUBSCRIBE. True: it has to wait for what has been published.
  bool fence(const protocol::CommandSpec& spec, protocol::Argv argv);
  // Does what this command would end need pieces?
  bool endsMany(const protocol::CommandSpec& spec, protocol::Argv argv) const;

  std::size_t unconfirmed() const noexcept { return pending_.size(); }
  std::size_t count(pubsub::TopicKind kind) const noexcept { return of(kind).size(); }
  bool any() const noexcept;
  // All of them are to what that user may hear.
  bool allowedTo(const access::Permission& account) const;
  // What they cost this client, and what they would cost the process if nobody else had the same.
  std::size_t memoryBytes() const noexcept;

  // The client has left. Then they are many, or not; what is left is ended by discard().
  void orphan() noexcept { client_ = nullptr; }
  bool isLong() const noexcept;
  // True: all are ended.
  bool discard(WorkBudget& budget);

  // To begin, confirm or end a subscription.
  static constexpr std::size_t kUnitsPerTopic = 40;

 private:
  using Topics = std::map<std::string, pubsub::Topic*, std::less<>>;
  struct Pending {
    const protocol::CommandSpec* spec;
    Request* request = nullptr;  // none: answered at once
    pubsub::TopicKind kind;
    std::vector<pubsub::Topic*> topics{};  // each held, once per element
    std::unordered_set<pubsub::Topic*> awaited{};
    net::TimePoint deadline{};
    std::string refusal{};
    bool complete = true;  // all of the command has been taken up
    std::size_t done = 0;  // so many of `topics` are confirmed, or released
    std::size_t cost = 0;  // of `topics`
  };
  // An UNSUBSCRIBE that waits for what has been published.
  struct Leaving {
    const protocol::CommandSpec& spec;
    Request& reply;
    OwnedRequest request;
  };
  class Taking;
  class Confirming;
  class Ending;

  void onMessage(std::string_view message) override;
  void onLive(pubsub::Topic& topic) override;
  void onRefused(pubsub::Topic& topic, std::string_view line) override;
  void onBarred(std::string_view line) override;
  void onWaiting() override;
  void onFenced() override;

  Topics& of(pubsub::TopicKind kind) noexcept { return topics_[static_cast<std::size_t>(kind)]; }
  const Topics& of(pubsub::TopicKind kind) const noexcept { return topics_[static_cast<std::size_t>(kind)]; }
  bool tooMany(pubsub::TopicKind kind, protocol::Argv names) const;
  void take(Pending& pending, std::string_view said);
  Pending& enqueue(Pending pending);
  void confirmReady();
  bool confirmReady(WorkBudget& budget);
  bool confirm(Pending& pending, std::string& out, WorkBudget& budget);
  bool release(Pending& pending, WorkBudget& budget);
  void finish(Request& request, const protocol::CommandSpec& spec, bool refused);
  void end(const protocol::CommandSpec& spec, pubsub::TopicKind kind, std::string_view name,
           std::string& out);
  void endFirst(const protocol::CommandSpec& spec, pubsub::TopicKind kind, std::string& out);
  void remove(pubsub::TopicKind kind, Topics::iterator position);
  void appendNotice(std::string& out, std::string_view word, pubsub::TopicKind kind,
                    const std::string* name) const;
  // Names of keyspace notifications have a database's number in them: between the client's and the hub's.
  std::string nameForHub(pubsub::TopicKind kind, std::string_view name) const;
  std::optional<std::string> nameForClient(std::string_view name) const;
  bool mayKnowOf(std::string_view message) const;
  std::optional<std::string> messageForClient(std::string_view message) const;

  Client* client_;  // nullptr: has left
  Services& services_;
  pubsub::Hub& hub_;                       // its user's
  const databases::Numbering& numbering_;  // the client's
  std::array<Topics, pubsub::kTopicKindCount> topics_;
  std::deque<Pending> pending_;
  std::unique_ptr<Leaving> leaving_;
  std::size_t nameBytes_ = 0;  // of topics_
  bool confirming_ = false;    // in pieces
};

}  // namespace slotless::session
