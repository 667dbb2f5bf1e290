#include "proxy/pubsub/hub.h"

#include <algorithm>

#include "protocol/encoder.h"
#include "protocol/glob.h"
#include "proxy/pubsub/keyspace.h"

namespace slotless::pubsub {

namespace {

bool matches(const Topic& topic, std::string_view channel) {
  return topic.kind() == TopicKind::Pattern ? protocol::matchesGlob(topic.name(), channel)
                                            : topic.name() == channel;
}

std::string messageFor(const Topic& topic, const Notification& notification) {
  std::vector<std::string_view> words = {wordsOf(topic.kind()).message};
  if (topic.kind() == TopicKind::Pattern) words.push_back(topic.name());
  words.push_back(notification.channel);
  words.push_back(notification.payload);
  std::string out;
  protocol::appendRequest(out, words);
  return out;
}

}  // namespace

bool Topic::live() const noexcept {
  return std::all_of(intakes_.begin(), intakes_.end(), [](const Intake* intake) { return intake->live(); });
}

Hub::Hub(upstream::LinkHost& host, const upstream::LinkSettings& settings,
         const databases::Databases& databases, telemetry::WorkerMetrics& metrics, Census& census,
         std::function<void()> refreshTopology)
    : host_(host),
      metrics_(metrics),
      census_(census),
      refreshTopology_(refreshTopology),
      names_(databases),
      intakes_(host, settings, metrics, census, std::move(refreshTopology), *this),
      timer_(host.loop.makeTimer([this] { tick(); })) {}

Hub::~Hub() = default;

Topic& Hub::hold(TopicKind kind, std::string_view name) {
  auto& map = topics_[static_cast<std::size_t>(kind)];
  if (const auto found = map.find(name); found != map.end()) {
    ++found->second->holds_;
    return *found->second;
  }
  auto made = std::make_unique<Topic>(kind, name);
  Topic& topic = *made;
  map.emplace(topic.name(), std::move(made));
  topic.holds_ = 1;
  connect(topic);
  return topic;
}

void Hub::connect(Topic& topic) {
  const TopicKind kind = topic.kind();
  Intake& own = intakes_.hold(kind, topic.name(), names_.concernsEveryServer(kind, topic.name()));
  own.own = &topic;
  topic.intakes_.push_back(&own);
  if (names_.same()) return;
  for (const TopicName& source : names_.sourcesOf(kind, topic.name())) {
    Intake& intake = intakes_.hold(kind, source.name, true);
    intake.notified.push_back(&topic);
    topic.intakes_.push_back(&intake);
  }
}

void Hub::disconnect(Topic& topic) {
  topic.intakes_.front()->own = nullptr;
  for (Intake* intake : topic.intakes_) {
    std::erase(intake->notified, &topic);
    intakes_.drop(*intake);
  }
  topic.intakes_.clear();
}

void Hub::connectAnew() {
  for (const auto& map : topics_) {
    for (const auto& [name, topic] : map) {
      disconnect(*topic);
      connect(*topic);
    }
  }
}

void Hub::drop(Topic& topic) {
  if (--topic.holds_ > 0) return;
  disconnect(topic);
  std::erase(becameLive_, &topic);
  auto& map = topics_[static_cast<std::size_t>(topic.kind())];
  map.erase(map.find(topic.name()));
}

void Hub::await(Topic& topic, Listener& listener) {
  if (!topic.awaiting_.insert(&listener).second) return;
  ++waiting_[&listener];
  startTick();
}

void Hub::stopAwaiting(Topic& topic, Listener& listener) {
  if (topic.awaiting_.erase(&listener) == 0) return;
  const auto found = waiting_.find(&listener);
  if (--found->second == 0) waiting_.erase(found);
}

void Hub::listen(Topic& topic, Listener& listener) {
  topic.listeners_.insert(&listener);
  census_.addListeners(topic.kind(), topic.name(), 1);
  metrics_.subscriptions.add(1);
}

void Hub::stopListening(Topic& topic, Listener& listener) {
  topic.listeners_.erase(&listener);
  if (!hasDeparted(topic, listener)) census_.addListeners(topic.kind(), topic.name(), -1);
  metrics_.subscriptions.add(-1);
}

bool Hub::fence(const std::vector<const Topic*>& topics, Listener& listener) {
  std::vector<const Intake*> intakes;
  for (const Topic* topic : topics)
    intakes.insert(intakes.end(), topic->intakes_.begin(), topic->intakes_.end());
  const std::size_t nodes = intakes_.fence(intakes, ++lastFence_);
  if (nodes == 0) return false;
  fences_.emplace(lastFence_, Fence{&listener, nodes, host_.now + kFencePatience});
  auto& departing = departing_[&listener];
  for (const Topic* topic : topics) {
    if (departing.insert(topic).second) census_.addDeparture(topic->kind(), topic->name());
  }
  startTick();
  return true;
}

bool Hub::hasDeparted(const Topic& topic, Listener& listener) {
  const auto found = departing_.find(&listener);
  if (found == departing_.end() || found->second.erase(&topic) == 0) return false;
  if (found->second.empty()) departing_.erase(found);
  return true;
}

void Hub::forgetFences(const Listener& listener) {
  std::erase_if(fences_, [&](const auto& entry) { return entry.second.listener == &listener; });
}

// --- what the intakes say ---

bool Hub::isHeard(const Intake& intake) const {
  const auto hasListeners = [](const Topic* topic) { return !topic->listeners_.empty(); };
  return (intake.own != nullptr && hasListeners(intake.own)) ||
         std::any_of(intake.notified.begin(), intake.notified.end(), hasListeners);
}

std::vector<Topic*> Hub::topicsOf(const Intake& intake) {
  std::vector<Topic*> topics = intake.notified;
  const bool isListed = std::find(topics.begin(), topics.end(), intake.own) != topics.end();
  if (intake.own != nullptr && !isListed) topics.push_back(intake.own);
  return topics;
}

void Hub::onLive(Intake& intake) {
  for (Topic* topic : topicsOf(intake)) {
    if (!topic->awaiting_.empty() && topic->live()) becameLive_.push_back(topic);
  }
}

// Those who await may drop any topic, this one included.
void Hub::onSettled() {
  while (!becameLive_.empty()) {
    Topic& topic = *becameLive_.back();
    becameLive_.pop_back();
    ++topic.holds_;
    const auto awaiting = topic.awaiting_;
    for (Listener* listener : awaiting) {
      if (!topic.awaiting_.contains(listener)) continue;
      stopAwaiting(topic, *listener);
      listener->onLive(topic);
    }
    drop(topic);
  }
}

void Hub::onRefused(Intake& intake, std::string_view line) {
  const auto topics = topicsOf(intake);
  for (Topic* topic : topics) ++topic->holds_;
  for (Topic* topic : topics) {
    const auto awaiting = topic->awaiting_;
    for (Listener* listener : awaiting) {
      if (!topic->awaiting_.contains(listener)) continue;
      stopAwaiting(*topic, *listener);
      listener->onRefused(*topic, line);
    }
    for (Listener* listener : topic->listeners_) listener->onBarred(line);
  }
  for (Topic* topic : topics) drop(*topic);
}

void Hub::onFenced(std::uint64_t fence) {
  const auto found = fences_.find(fence);
  if (found == fences_.end() || --found->second.nodes > 0) return;
  Listener& listener = *found->second.listener;
  fences_.erase(found);
  listener.onFenced();
}

void Hub::onMessage(Intake& intake, const Notice& notice, std::string_view message) {
  if (names_.isOfServer(notice.channel)) {
    if (!names_.same()) return notify(intake, notice, message);
    if (isAboutOperand(notice.channel, payloadOf(notice, message))) return;
  }
  if (intake.own != nullptr) deliver(*intake.own, message);
}

// Sent to an intake at which nobody waits for notifications, it comes by another one, too.
void Hub::notify(const Intake& intake, const Notice& notice, std::string_view message) {
  if (intake.notified.empty()) return;
  const auto notification = names_.translate(notice.channel, payloadOf(notice, message));
  if (!notification) return;
  for (const Topic* topic : intake.notified) {
    if (!topic->listeners_.empty() && matches(*topic, notification->channel))
      deliver(*topic, messageFor(*topic, *notification));
  }
}

void Hub::deliver(const Topic& topic, std::string_view message) {
  metrics_.pubsubMessages.add(topic.listeners_.size());
  for (Listener* listener : topic.listeners_) listener->onMessage(message);
}

// --- time ---

void Hub::startTick() {
  if (!timer_->active()) timer_->start(kTick);
}

// The oldest is the first to end.
void Hub::endFences() {
  while (!fences_.empty() && fences_.begin()->second.until <= host_.now) {
    Listener& listener = *fences_.begin()->second.listener;
    fences_.erase(fences_.begin());
    listener.onFenced();
  }
}

void Hub::tick() {
  host_.touch();
  endFences();
  const bool postponed = intakes_.askPostponed();
  std::vector<Listener*> waiting;
  for (const auto& [listener, topics] : waiting_) waiting.push_back(listener);
  if (!waiting.empty()) refreshTopology_();
  for (Listener* listener : waiting) listener->onWaiting();
  if (postponed || !waiting_.empty() || !fences_.empty()) startTick();
}

}  // namespace slotless::pubsub
