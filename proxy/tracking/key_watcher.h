// Tells a worker's waiting clients that a key has changed: one connection to each master, with CLIENT
// TRACKING on it, for all of them.
//
// A key is watched by asking EXISTS there: the node remembers it, and pushes once when somebody has changed
// it. So nothing is changed by the watching, whatever the type of the key, and nobody is served by the node
// in front of others because of it. Nodes know no databases there: the push comes for any of them, and
// EXISTS is of the first one. Where a node has no room for it, or denies it, nothing is watched, and whoever
// waits has to look himself. Source: redis.io/docs/reference/client-side-caching.
//
// Ownership: the worker's; an alert is its client's, and may end in any call. Errors: a key is not watched.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/tracking/tracking_lease.h"
#include "proxy/tracking/tracking_options.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

class KeyAlert;
class AlertQuestion;
class KeyWatcher;
class Trackers;
struct Context;

class KeyAlertEvents {
 public:
  // Behind ask(), which had been true. `mayExist`: it is there, or that is not known.
  virtual void onAnswer(KeyAlert& alert, bool mayExist) = 0;
  // It is not watched any more: it has changed, or nobody would tell.
  virtual void onChange(KeyAlert& alert) = 0;

 protected:
  ~KeyAlertEvents() = default;
};

// One change of one key, by its name in the cluster.
class KeyAlert {
 public:
  KeyAlert(KeyWatcher& watcher, KeyAlertEvents& events, std::string key);
  ~KeyAlert();
  KeyAlert(const KeyAlert&) = delete;
  KeyAlert& operator=(const KeyAlert&) = delete;

  const std::string& key() const noexcept { return key_; }
  bool isSet() const noexcept { return state_ == State::Set; }
  // Neither set nor asked.
  bool isOff() const noexcept { return state_ == State::Off; }
  // Requires that it is off. False: it cannot be just now.
  bool ask();

 private:
  friend class AlertQuestion;
  friend class KeyWatcher;
  enum class State : std::uint8_t { Off, Asked, Set };

  void onAnswered(bool set, bool mayExist);

  KeyWatcher& watcher_;
  KeyAlertEvents& events_;
  const std::string key_;
  State state_ = State::Off;
  const TrackingLease* lease_ = nullptr;  // asked or set there
  AlertQuestion* question_ = nullptr;     // while it is asked
};

class AlertQuestion final : public upstream::Exchange {
 public:
  explicit AlertQuestion(KeyWatcher& owner) : owner_(owner) {}

 private:
  friend class KeyAlert;
  friend class KeyWatcher;
  void onReply(std::string_view bytes, bool last) override;
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override;
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override;
  void finish(bool set);

  KeyWatcher& owner_;
  KeyAlert* alert_ = nullptr;  // nullptr: it has ended
  std::string reply_;
};

class KeyWatcher final : private TrackingLeaseEvents {
 public:
  KeyWatcher(Context& context, Trackers& trackers);
  ~KeyWatcher();
  KeyWatcher(const KeyWatcher&) = delete;
  KeyWatcher& operator=(const KeyWatcher&) = delete;

  // Behind that of the links and trackers.
  void onTopology();
  // Now and then: connections on which nothing has been watched for long are closed.
  void tidy();

 private:
  friend class KeyAlert;
  friend class AlertQuestion;

  bool ask(KeyAlert& alert);
  void forget(KeyAlert& alert);
  TrackingLease* leaseFor(std::string_view key);
  const net::Address* ownerOf(std::string_view key) const;
  bool isLive(const TrackingLease* lease) const;
  // They are not set any more, and hear of it.
  void tell(const std::vector<KeyAlert*>& alerts);
  // The same of those for which `concerns(alert)`.
  template <typename Concerns>
  void change(Concerns concerns);

  void onLeaseLive(TrackingLease&, bool) override {}
  void onLeaseRefused(TrackingLease&, std::string_view) override {}
  void onLeaseGone(TrackingLease& lease, const upstream::Link& link, bool wasLive) override;
  void onLeaseDeaf(TrackingLease&) override {}
  void onInvalidation(TrackingLease& lease, std::string_view push) override;
  void onNodeFlushed(TrackingLease& lease) override;

  Context& context_;
  Trackers& trackers_;
  TrackingMode mode_;
  std::vector<std::unique_ptr<TrackingLease>> leases_;
  std::unordered_multimap<std::string_view, KeyAlert*> set_;
  std::vector<KeyAlert*> changed_;  // to be told; nullptr: has ended meanwhile
  std::vector<std::unique_ptr<AlertQuestion>> questions_;
  std::vector<AlertQuestion*> free_;
  net::TimePoint usedAt_{};
};

}  // namespace slotless::session
