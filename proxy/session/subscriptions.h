// What one client has subscribed to, and the SUBSCRIBE commands that have not been confirmed yet.
//
// SUBSCRIBE is confirmed when all of its topics are live at their nodes, or refused at the hold timeout.
// Commands are confirmed in their order; the client's counts, and what it is told, are Redis's. Made with the
// first such command.
#pragma once
#include <array>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/pubsub/hub.h"

namespace slotless::session {

class Client;
class Request;
struct Services;

class Subscriptions final : private pubsub::Listener {
 public:
  Subscriptions(Client& client, Services& services) : client_(client), services_(services) {}
  // Ends all of them. The requests under way are the client's.
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  // `argv`: the whole command. Require that all earlier replies are in, but for unconfirmed().
  void subscribe(const protocol::CommandSpec& spec, protocol::Argv argv);
  void unsubscribe(const protocol::CommandSpec& spec, protocol::Argv argv);

  std::size_t unconfirmed() const noexcept { return pending_.size(); }
  std::size_t count(pubsub::TopicKind kind) const noexcept { return of(kind).size(); }
  bool any() const noexcept;
  // What they cost this client, and what they would cost the process if nobody else had the same.
  std::size_t memoryBytes() const noexcept;

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
  };

  void onMessage(std::string_view message) override;
  void onLive(pubsub::Topic& topic) override;
  void onRefused(pubsub::Topic& topic, std::string_view line) override;
  void onWaiting() override;

  Topics& of(pubsub::TopicKind kind) noexcept { return topics_[static_cast<std::size_t>(kind)]; }
  const Topics& of(pubsub::TopicKind kind) const noexcept { return topics_[static_cast<std::size_t>(kind)]; }
  bool tooMany(pubsub::TopicKind kind, protocol::Argv names) const;
  void confirmReady();
  std::string confirm(Pending& pending);
  void release(Pending& pending);
  void remove(pubsub::TopicKind kind, Topics::iterator position);
  void appendNotice(std::string& out, std::string_view word, pubsub::TopicKind kind,
                    const std::string* name) const;

  Client& client_;
  Services& services_;
  std::array<Topics, pubsub::kTopicKindCount> topics_;
  std::deque<Pending> pending_;
  std::size_t nameBytes_ = 0;  // of topics_
};

}  // namespace slotless::session
