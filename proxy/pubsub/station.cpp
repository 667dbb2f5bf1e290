#include "proxy/pubsub/station.h"

#include <utility>
#include <vector>

#include "protocol/encoder.h"

namespace slotless::pubsub {

namespace {
std::size_t indexOf(TopicKind kind) noexcept {
  return static_cast<std::size_t>(kind);
}
}  // namespace

Station::Station(upstream::LinkHost& host, const upstream::LinkSettings& settings, const net::Address& node,
                 telemetry::WorkerMetrics& metrics, Census& census, StationEvents& events)
    : host_(host),
      feed_(host, settings, node, metrics, *this),
      metrics_(metrics),
      census_(census),
      events_(events),
      idleSince_(host.now) {}

Station::~Station() {
  for (std::size_t i = 0; i < kTopicKindCount; ++i) {
    for (auto& [name, standing] : standings_[i]) {
      setLive(standing, false);
      if (standing.asked != 0) census_.addUpstream(static_cast<TopicKind>(i), name, node(), -1);
    }
  }
}

Station::Standing* Station::find(TopicKind kind, std::string_view name) {
  auto& map = standings_[indexOf(kind)];
  const auto found = map.find(name);
  if (found == map.end()) return nullptr;
  refresh(kind, name, found->second);
  return &found->second;
}

void Station::refresh(TopicKind kind, std::string_view name, Standing& standing) {
  if (standing.connection == connection_) return;
  standing.connection = connection_;
  if (standing.live) {
    standing.interrupted = true;
    standing.live = false;
    metrics_.upstreamSubscriptions.add(-1);
  }
  if (standing.asked != 0) census_.addUpstream(kind, name, node(), -1);
  standing.asked = 0;
  setPostponed(standing, false);
}

bool Station::live(TopicKind kind, std::string_view name) const {
  const auto& map = standings_[indexOf(kind)];
  const auto found = map.find(name);
  return found != map.end() && found->second.live && found->second.connection == connection_;
}

bool Station::wants(TopicKind kind, std::string_view name) const {
  const auto& map = standings_[indexOf(kind)];
  const auto found = map.find(name);
  return found != map.end() && found->second.wanted;
}

void Station::setLive(Standing& standing, bool live) {
  if (standing.live == live) return;
  standing.live = live;
  live_ += live ? 1U : static_cast<std::size_t>(-1);
  metrics_.upstreamSubscriptions.add(live ? 1 : -1);
}

void Station::setPostponed(Standing& standing, bool postponed) {
  if (standing.postponed == postponed) return;
  standing.postponed = postponed;
  postponed_ += postponed ? 1U : static_cast<std::size_t>(-1);
}

void Station::ask(TopicKind kind, std::string_view name, Standing& standing, bool subscribe) {
  if (standing.asked == 0) census_.addUpstream(kind, name, node(), 1);
  standing.asked = ++lastAsk_;
  setPostponed(standing, false);
  asks_.push_back({lastAsk_, kind, subscribe, std::string(name)});
  const TopicWords& words = wordsOf(kind);
  encoded_.clear();
  const std::string_view argv[] = {subscribe ? words.subscribe : words.unsubscribe, name};
  protocol::appendRequest(encoded_, argv);
  feed_.send(encoded_);
}

void Station::subscribe(TopicKind kind, std::string_view name) {
  auto& map = standings_[indexOf(kind)];
  auto found = map.find(name);
  if (found == map.end()) {
    found = map.emplace(name, Standing{.connection = connection_}).first;
    ++subscriptions_;
  }
  refresh(kind, name, found->second);
  found->second.wanted = true;
  if (feed_.ready()) return ask(kind, name, found->second, true);
  feed_.open();
}

void Station::unsubscribe(TopicKind kind, std::string_view name) {
  Standing* standing = find(kind, name);
  if (standing == nullptr || !standing->wanted) return;
  standing->wanted = false;
  setLive(*standing, false);
  if (standing->asked == 0) return forget(kind, name);
  ask(kind, name, *standing, false);
}

void Station::fence(std::uint64_t fence) {
  asks_.push_back({0, TopicKind::Channel, false, {}, fence});
  feed_.send(kPing);
}

// An error, too, stands behind what came before.
bool Station::takeFence(std::string_view reply) {
  if (asks_.empty() || asks_.front().fence == 0) return false;
  if (reply.front() != '-' && !isPong(reply)) return false;
  const std::uint64_t fence = asks_.front().fence;
  asks_.pop_front();
  events_.onFenced(fence);
  return true;
}

void Station::forget(TopicKind kind, std::string_view name) {
  auto& map = standings_[indexOf(kind)];
  const auto found = map.find(name);
  if (found->second.asked != 0) census_.addUpstream(kind, name, node(), -1);
  setLive(found->second, false);
  setPostponed(found->second, false);
  map.erase(found);
  if (--subscriptions_ == 0) idleSince_ = host_.now;
}

void Station::askPostponed() {
  if (!feed_.ready() || postponed_ == 0) return;
  for (std::size_t i = 0; i < kTopicKindCount; ++i) {
    for (auto& [name, standing] : standings_[i]) {
      if (standing.postponed && standing.connection == connection_)
        ask(static_cast<TopicKind>(i), name, standing, true);
    }
  }
}

void Station::onFeedReady() {
  asking_.begin();
  goOn();
}

void Station::goOn() {
  tellLosses();
  askMore();
}

void Station::askMore() {
  for (std::size_t asked = 0; !asking_.over() && asked < kTopicsAtOnce;) {
    asked += asking_.goOn(standings_, [this](TopicKind kind, const std::string& name, Standing& standing) {
      refresh(kind, name, standing);
      if (standing.asked == 0 && standing.wanted) ask(kind, name, standing, true);
    });
  }
}

bool Station::onFeedReply(std::string_view reply) {
  if (takeFence(reply)) return true;
  if (reply.front() == '-') return onError(reply);
  const auto notice = parseNotice(reply);
  if (!notice) return false;
  if (notice->type != NoticeType::Message) return onConfirmed(*notice);
  events_.onMessageFrom(*this, *notice, reply);
  return true;
}

bool Station::onConfirmed(const Notice& notice) {
  const bool subscribed = notice.type == NoticeType::Subscribed;
  const bool expected = !asks_.empty() && asks_.front().kind == notice.kind &&
                        asks_.front().subscribe == subscribed && asks_.front().name == notice.name;
  if (!expected) {
    // A node whose slot leaves takes shard channels away unasked.
    if (subscribed || notice.kind != TopicKind::Shard) return false;
    onRevoked(notice);
    return true;
  }
  const Ask ask = std::move(asks_.front());
  asks_.pop_front();
  Standing* standing = find(ask.kind, ask.name);
  if (standing == nullptr || standing->asked != ask.number) return true;  // there is a later word on it
  if (!subscribed) {
    forget(ask.kind, ask.name);
    return true;
  }
  setLive(*standing, true);
  events_.onStanding(*this, ask.kind, ask.name);
  return true;
}

void Station::onRevoked(const Notice& notice) {
  Standing* standing = find(notice.kind, notice.name);
  if (standing == nullptr || !standing->live) return;
  const std::string name(notice.name);
  forget(notice.kind, name);
  events_.onInterrupted(*this, notice.kind, name);
}

bool Station::onError(std::string_view line) {
  if (asks_.empty()) return false;
  const Ask ask = std::move(asks_.front());
  asks_.pop_front();
  Standing* standing = find(ask.kind, ask.name);
  if (standing == nullptr || standing->asked != ask.number) return true;
  census_.addUpstream(ask.kind, ask.name, node(), -1);
  standing->asked = 0;
  if (!ask.subscribe) {
    forget(ask.kind, ask.name);
    return true;
  }
  // Marked first: the events may take it away.
  setPostponed(*standing, true);
  events_.onRefusedBy(*this, ask.kind, ask.name, line);
  return true;
}

// What was known of the lost connection is forgotten at once: it was another one's. Who has to be told is
// told in pieces.
bool Station::onFeedLost(std::string_view reason, bool established) {
  const std::deque<Ask> unanswered = std::exchange(asks_, {});
  asking_.stop();
  ++connection_;
  const std::size_t interrupted = std::exchange(live_, 0);
  events_.onStationLost(*this, reason, established, interrupted);
  losing_.begin();
  tellLosses();
  for (const Ask& ask : unanswered) {
    if (ask.fence != 0) events_.onFenced(ask.fence);
  }
  return !idle();
}

void Station::tellLosses() {
  for (std::size_t looked = 0; !losing_.over() && looked < kTopicsAtOnce;) {
    std::vector<std::pair<TopicKind, std::string>> interrupted;
    std::vector<std::pair<TopicKind, std::string>> unwanted;
    looked += losing_.goOn(standings_, [&](TopicKind kind, const std::string& name, Standing& standing) {
      refresh(kind, name, standing);
      if (std::exchange(standing.interrupted, false)) interrupted.emplace_back(kind, name);
      if (!standing.wanted && standing.asked == 0) unwanted.emplace_back(kind, name);
    });
    for (const auto& [kind, name] : unwanted) forget(kind, name);
    for (const auto& [kind, name] : interrupted) events_.onInterrupted(*this, kind, name);
  }
}

}  // namespace slotless::pubsub
