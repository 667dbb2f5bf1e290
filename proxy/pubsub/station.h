// All subscriptions of one worker at one node, over one connection.
//
// A subscription is wanted, then asked for, then live. What is wanted outlives the connection and is asked
// for again on the next one. Ownership: the hub's; must not be destroyed inside of the events.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "proxy/pubsub/census.h"
#include "proxy/pubsub/feed.h"
#include "proxy/pubsub/notice.h"
#include "proxy/pubsub/topic.h"

namespace slotless::pubsub {

class Station;

class StationEvents {
 public:
  virtual void onStanding(Station& station, TopicKind kind, std::string_view name) = 0;
  // It was live and is not any more; it is still wanted, unless the node has revoked it (the slot has left).
  virtual void onInterrupted(Station& station, TopicKind kind, std::string_view name) = 0;
  // The node's error line. What stays wanted is postponed, see askPostponed().
  virtual void onRefusedBy(Station& station, TopicKind kind, std::string_view name,
                           std::string_view line) = 0;
  // All that the node had said when it was fenced has been passed on, or is lost.
  virtual void onFenced(std::uint64_t fence) = 0;
  virtual void onMessageFrom(Station& station, const Notice& notice, std::string_view message) = 0;
  virtual void onStationLost(Station& station, std::string_view reason, bool established,
                             std::size_t interrupted) = 0;

 protected:
  ~StationEvents() = default;
};

class Station final : private FeedOwner {
 public:
  Station(upstream::LinkHost& host, const upstream::LinkSettings& settings, const net::Address& node,
          telemetry::WorkerMetrics& metrics, Census& census, StationEvents& events);
  ~Station();

  const net::Address& node() const noexcept { return feed_.node(); }
  void subscribe(TopicKind kind, std::string_view name);
  void unsubscribe(TopicKind kind, std::string_view name);
  bool live(TopicKind kind, std::string_view name) const;
  // Asks the node for a word behind all that it has said so far. Requires that something is live. `fence`:
  // not 0.
  void fence(std::uint64_t fence);
  bool wants(TopicKind kind, std::string_view name) const;
  // Nothing is wanted, and nothing is under way.
  bool idle() const noexcept { return subscriptions_ == 0; }
  // Requires idle().
  net::TimePoint idleSince() const noexcept { return idleSince_; }
  // Something is wanted that the node could not do when it was asked.
  bool hasPostponed() const noexcept { return postponed_ > 0; }
  void askPostponed();
  void flush() { feed_.flush(); }
  // Not all that is wanted has been asked for on a new connection: goOn() asks for some more.
  // Nor has everybody been told whose subscription was lost with the last one.
  bool busy() const noexcept { return !asking_.over() || !losing_.over(); }
  void goOn();

 private:
  struct Standing {
    std::uint64_t asked = 0;       // number of the last command about it on this connection; 0: none
    std::uint32_t connection = 0;  // that asked, live and postponed are about
    bool wanted = false;
    bool live = false;
    bool postponed = false;
    bool interrupted = false;  // it was live on a connection that was lost, and nobody has been told yet
  };
  struct Ask {
    std::uint64_t number;
    TopicKind kind;
    bool subscribe;
    std::string name;
    std::uint64_t fence = 0;  // not 0: it is about no name
  };

  void onFeedReady() override;
  bool onFeedReply(std::string_view reply) override;
  bool onFeedLost(std::string_view reason, bool established) override;
  bool awaitsFeedReply() const override { return !asks_.empty(); }
  void ask(TopicKind kind, std::string_view name, Standing& standing, bool subscribe);
  void forget(TopicKind kind, std::string_view name);
  // Brings it up to date with the connection that there is.
  void refresh(TopicKind kind, std::string_view name, Standing& standing);
  void askMore();
  void tellLosses();
  void setLive(Standing& standing, bool live);
  void setPostponed(Standing& standing, bool postponed);
  Standing* find(TopicKind kind, std::string_view name);
  bool onError(std::string_view line);
  bool takeFence(std::string_view reply);
  bool onConfirmed(const Notice& notice);
  void onRevoked(const Notice& notice);

  upstream::LinkHost& host_;
  Feed feed_;
  telemetry::WorkerMetrics& metrics_;
  Census& census_;
  StationEvents& events_;
  TopicMaps<Standing> standings_;
  std::size_t subscriptions_ = 0;
  net::TimePoint idleSince_;
  std::size_t postponed_ = 0;
  std::deque<Ask> asks_;  // unanswered, oldest first
  TopicWalk<Standing> asking_;
  TopicWalk<Standing> losing_;
  std::uint32_t connection_ = 1;
  std::size_t live_ = 0;  // on this connection
  std::uint64_t lastAsk_ = 0;
  std::string encoded_;
};

}  // namespace slotless::pubsub
