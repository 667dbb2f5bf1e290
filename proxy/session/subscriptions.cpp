#include "proxy/session/subscriptions.h"

#include <algorithm>
#include <utility>

#include "protocol/encoder.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

using protocol::CommandSpec;
using pubsub::Topic;
using pubsub::TopicKind;

namespace {

// What a subscription costs with all that stands behind it: in the client's map, the hub's, the station's and
// the census. Measured (tests/component/footprint_test.cpp), as the number of copies of its name is.
constexpr std::size_t kTopicBytes = 900;
constexpr std::size_t kNameCopies = 5;

constexpr std::string_view kNotInTime = "-CLUSTERDOWN The subscription could not be made in time\r\n";

TopicKind topicKindOf(const CommandSpec& spec) noexcept {
  switch (spec.name.front()) {
    case 'p': return TopicKind::Pattern;
    case 's':
      return spec.name.starts_with("ss") || spec.name.starts_with("sun") ? TopicKind::Shard
                                                                         : TopicKind::Channel;
    default: return TopicKind::Channel;
  }
}

}  // namespace

Subscriptions::~Subscriptions() {
  for (; !pending_.empty(); pending_.pop_front()) release(pending_.front());
  for (const TopicKind kind : {TopicKind::Channel, TopicKind::Pattern, TopicKind::Shard}) {
    while (!of(kind).empty()) remove(kind, of(kind).begin());
  }
}

bool Subscriptions::any() const noexcept {
  return std::any_of(topics_.begin(), topics_.end(), [](const Topics& topics) { return !topics.empty(); });
}

std::size_t Subscriptions::memoryBytes() const noexcept {
  std::size_t all = 0;
  for (const Topics& topics : topics_) all += topics.size();
  return sizeof(Subscriptions) + all * kTopicBytes + nameBytes_ * kNameCopies;
}

// What the client has already is not counted twice.
bool Subscriptions::tooMany(TopicKind kind, protocol::Argv names) const {
  const std::uint64_t most = services_.config.clientMaxSubscriptions;
  if (most == 0) return false;
  std::size_t count = names.size();
  for (const Topics& topics : topics_) count += topics.size();
  for (const Pending& pending : pending_) count += pending.topics.size();
  if (count <= most) return false;
  const auto known = std::count_if(names.begin(), names.end(),
                                   [&](std::string_view name) { return of(kind).contains(name); });
  return count - static_cast<std::size_t>(known) > most;
}

void Subscriptions::subscribe(const CommandSpec& spec, protocol::Argv argv) {
  if (tooMany(topicKindOf(spec), argv.subspan(1))) {
    services_.metrics.limits[static_cast<std::size_t>(telemetry::Limit::Subscriptions)].add();
    std::string error;
    protocol::appendError(error, "ERR A client cannot have more than " +
                                     std::to_string(services_.config.clientMaxSubscriptions) +
                                     " subscriptions (client-max-subscriptions)");
    return client_.reply(&spec, error);
  }
  Pending added{.spec = &spec, .kind = topicKindOf(spec)};
  std::size_t cost = 0;
  for (const std::string_view name : argv.subspan(1)) {
    cost += kTopicBytes + name.size() * kNameCopies;
    Topic& topic = services_.hub.hold(added.kind, name);
    added.topics.push_back(&topic);
    // What the client has already is confirmed even while it is interrupted.
    if (!topic.live() && !of(added.kind).contains(name)) added.awaited.insert(&topic);
  }
  if (added.awaited.empty() && pending_.empty()) return client_.notify(&spec, confirm(added));
  for (Topic* topic : added.awaited) services_.hub.await(*topic, *this);
  added.request = &client_.addRequest(spec);
  client_.charge(*added.request, cost);
  added.deadline =
      services_.host.now + std::max(services_.config.holdTimeout, services_.config.connectTimeout);
  pending_.push_back(std::move(added));
}

void Subscriptions::unsubscribe(const CommandSpec& spec, protocol::Argv argv) {
  const TopicKind kind = topicKindOf(spec);
  Topics& topics = of(kind);
  std::string out;
  for (const std::string_view name : argv.subspan(1)) {
    if (const auto found = topics.find(name); found != topics.end()) remove(kind, found);
    const std::string text(name);
    appendNotice(out, spec.name, kind, &text);
  }
  if (argv.size() == 1 && topics.empty()) appendNotice(out, spec.name, kind, nullptr);
  while (argv.size() == 1 && !topics.empty()) {
    const std::string name = topics.begin()->first;
    remove(kind, topics.begin());
    appendNotice(out, spec.name, kind, &name);
  }
  client_.notify(&spec, out);
}

// Appends a line of Redis's for one topic; `name` nullptr: there was none.
void Subscriptions::appendNotice(std::string& out, std::string_view word, TopicKind kind,
                                 const std::string* name) const {
  protocol::appendPushHeader(out, client_.protocol, 3);
  protocol::appendBulk(out, word);
  if (name != nullptr) {
    protocol::appendBulk(out, *name);
  } else {
    protocol::appendNull(out, client_.protocol);
  }
  // Channels and patterns are counted together, shard channels by themselves.
  const std::size_t total =
      kind == TopicKind::Shard ? count(kind) : count(TopicKind::Channel) + count(TopicKind::Pattern);
  protocol::appendInteger(out, static_cast<std::int64_t>(total));
}

void Subscriptions::remove(TopicKind kind, Topics::iterator position) {
  Topic& topic = *position->second;
  nameBytes_ -= topic.name().size();
  of(kind).erase(position);
  services_.hub.stopListening(topic, *this);
  services_.hub.drop(topic);
}

void Subscriptions::onMessage(std::string_view message) {
  client_.push(client_.protocol >= 3 ? '>' : '*', message);
}

void Subscriptions::onLive(Topic& topic) {
  for (Pending& pending : pending_) pending.awaited.erase(&topic);
  confirmReady();
}

void Subscriptions::onRefused(Topic& topic, std::string_view line) {
  for (Pending& pending : pending_) {
    if (pending.awaited.erase(&topic) > 0) pending.refusal = line;
  }
  confirmReady();
}

void Subscriptions::onWaiting() {
  for (Pending& pending : pending_) {
    if (services_.host.now >= pending.deadline && !pending.awaited.empty()) pending.refusal = kNotInTime;
  }
  confirmReady();
}

void Subscriptions::confirmReady() {
  while (!pending_.empty() && (pending_.front().awaited.empty() || !pending_.front().refusal.empty())) {
    Pending ready = std::move(pending_.front());
    pending_.pop_front();
    const bool refused = !ready.refusal.empty();
    if (refused) release(ready);
    Request& request = *ready.request;
    if (!refused) request.muted = false;  // CLIENT REPLY OFF is about replies, as Redis sees it
    client_.deliver(request, refused ? ready.refusal : confirm(ready));
    services_.metrics.command(ready.spec->id)
        .record(std::chrono::duration_cast<net::Micros>(services_.host.now - request.arrived), refused);
    client_.onRequestDone(request);
  }
}

// The client's from now on.
std::string Subscriptions::confirm(Pending& pending) {
  std::string out;
  for (Topic* topic : pending.topics) {
    const auto [position, isNew] = of(pending.kind).emplace(topic->name(), topic);
    if (isNew) {
      nameBytes_ += topic->name().size();
      services_.hub.listen(*topic, *this);
    } else {
      services_.hub.drop(*topic);
    }
    appendNotice(out, pending.spec->name, pending.kind, &position->first);
  }
  return out;
}

void Subscriptions::release(Pending& pending) {
  for (Topic* topic : pending.topics) {
    const bool awaitedByOthers = std::any_of(pending_.begin(), pending_.end(), [&](const Pending& other) {
      return &other != &pending && other.awaited.contains(topic);
    });
    if (!awaitedByOthers) services_.hub.stopAwaiting(*topic, *this);
    services_.hub.drop(*topic);
  }
}

}  // namespace slotless::session
