#include "proxy/pubsub/hub.h"

#include <algorithm>

#include "proxy/pubsub/keyspace.h"

namespace slotless::pubsub {

namespace {

bool concernsEveryServer(TopicKind kind, std::string_view name) {
  switch (kind) {
    case TopicKind::Channel: return isKeyspaceChannel(name);
    case TopicKind::Pattern: return canMatchKeyspace(name);
    case TopicKind::Shard: break;
  }
  return false;
}

}  // namespace

bool Topic::live() const noexcept {
  return intake_->live();
}

Hub::Hub(upstream::LinkHost& host, const upstream::LinkSettings& settings, telemetry::WorkerMetrics& metrics,
         Census& census, std::function<void()> refreshTopology)
    : host_(host),
      metrics_(metrics),
      census_(census),
      refreshTopology_(refreshTopology),
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
  topic.intake_ = &intakes_.hold(kind, name, concernsEveryServer(kind, name));
  topic.intake_->topics.push_back(&topic);
  return topic;
}

void Hub::drop(Topic& topic) {
  if (--topic.holds_ > 0) return;
  std::erase(topic.intake_->topics, &topic);
  intakes_.drop(*topic.intake_);
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
  census_.addListeners(topic.kind(), topic.name(), -1);
  metrics_.subscriptions.add(-1);
}

// --- what the intakes say ---

bool Hub::isHeard(const Intake& intake) const {
  return std::any_of(intake.topics.begin(), intake.topics.end(),
                     [](const Topic* topic) { return !topic->listeners_.empty(); });
}

void Hub::onLive(Intake& intake) {
  for (Topic* topic : intake.topics) {
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
  const auto topics = intake.topics;
  for (Topic* topic : topics) ++topic->holds_;
  for (Topic* topic : topics) {
    const auto awaiting = topic->awaiting_;
    for (Listener* listener : awaiting) {
      if (!topic->awaiting_.contains(listener)) continue;
      stopAwaiting(*topic, *listener);
      listener->onRefused(*topic, line);
    }
  }
  for (Topic* topic : topics) drop(*topic);
}

void Hub::onMessage(Intake& intake, const Notice&, std::string_view message) {
  for (const Topic* topic : intake.topics) deliver(*topic, message);
}

void Hub::deliver(const Topic& topic, std::string_view message) {
  metrics_.pubsubMessages.add(topic.listeners_.size());
  for (Listener* listener : topic.listeners_) listener->onMessage(message);
}

// --- time ---

void Hub::startTick() {
  if (!timer_->active()) timer_->start(kTick);
}

void Hub::tick() {
  host_.touch();
  const bool postponed = intakes_.askPostponed();
  std::vector<Listener*> waiting;
  for (const auto& [listener, topics] : waiting_) waiting.push_back(listener);
  if (!waiting.empty()) refreshTopology_();
  for (Listener* listener : waiting) listener->onWaiting();
  if (postponed || !waiting_.empty()) startTick();
}

}  // namespace slotless::pubsub
