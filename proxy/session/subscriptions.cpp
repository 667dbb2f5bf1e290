#include "proxy/session/subscriptions.h"

#include <algorithm>
#include <utility>

#include "protocol/encoder.h"
#include "proxy/pubsub/keyspace_names.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/client.h"
#include "proxy/session/node_users.h"
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
// All clients of a worker hear by the same connections, which a node closes when one confirmation is too
// much.
constexpr std::size_t kLongestName = std::size_t{64} * 1024;

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

// --- in pieces ---

// The rest of a SUBSCRIBE, which is the last of what is pending.
class Subscriptions::Taking final : public Work {
 public:
  Taking(Subscriptions& owner, OwnedRequest request) : owner_(owner), request_(std::move(request)) {}
  bool goOn(WorkBudget& budget) override {
    const protocol::Argv argv = request_.argv();
    Pending& pending = owner_.pending_.back();
    for (; next_ < argv.size() && budget.left(); ++next_) {
      budget.spend(kUnitsPerTopic);
      owner_.take(pending, argv[next_]);
    }
    if (next_ < argv.size()) return false;
    pending.complete = true;
    owner_.client_->releaseInput();
    owner_.confirmReady();
    return true;
  }

 private:
  Subscriptions& owner_;
  const OwnedRequest request_;
  std::size_t next_ = 1;
};

// UNSUBSCRIBE, of some topics or of all.
class Subscriptions::Ending final : public Work {
 public:
  Ending(Subscriptions& owner, const CommandSpec& spec, Request& reply, OwnedRequest request)
      : owner_(owner), spec_(spec), reply_(reply), request_(std::move(request)) {}
  bool goOn(WorkBudget& budget) override {
    const protocol::Argv argv = request_.argv();
    const TopicKind kind = topicKindOf(spec_);
    const bool all = argv.size() == 1;
    std::string out;
    for (; !isOver() && budget.left(); ++next_) {
      budget.spend(kUnitsPerTopic);
      if (all) {
        owner_.endFirst(spec_, kind, out);
      } else {
        owner_.end(spec_, kind, argv[next_], out);
      }
    }
    owner_.client_->deliver(reply_, out);
    if (!isOver()) return false;
    owner_.client_->releaseInput();
    owner_.finish(reply_, spec_, false);
    return true;
  }

 private:
  bool isOver() const {
    return request_.argv().size() == 1 ? owner_.of(topicKindOf(spec_)).empty()
                                       : next_ >= request_.argv().size();
  }

  Subscriptions& owner_;
  const CommandSpec& spec_;
  Request& reply_;
  const OwnedRequest request_;
  std::size_t next_ = 1;
};

Subscriptions::Subscriptions(Client& client, Services& services)
    : client_(&client),
      services_(services),
      hub_(client.nodeUser() == nullptr ? services.hub : services.nodeUsers.hubOf(*client.nodeUser())),
      numbering_(client.numbering()) {}

// --- the client's numbers of databases ---

std::string Subscriptions::nameForHub(TopicKind kind, std::string_view name) const {
  if (numbering_.same() || kind == TopicKind::Shard) return std::string(name);
  return *pubsub::renumbered(name, [this](std::uint32_t number) -> std::optional<std::uint32_t> {
    if (number < numbering_.size()) return numbering_.at(number).index;
    return static_cast<std::uint32_t>(services_.databases.size() + number);  // of none, and still a name
  });
}

std::optional<std::string> Subscriptions::nameForClient(std::string_view name) const {
  if (numbering_.same()) return std::string(name);
  return pubsub::renumbered(name, [this](std::uint32_t number) -> std::optional<std::uint32_t> {
    const std::size_t all = services_.databases.size();
    if (number >= all) return number - static_cast<std::uint32_t>(all);
    return numbering_.numberOf(services_.databases.at(number));
  });
}

// Not what happens in databases that its user may not select.
bool Subscriptions::mayKnowOf(std::string_view message) const {
  const auto elements = routing::elementsOf(message);
  if (!elements || elements->size() < 3) return true;
  const auto channel = routing::textOf((*elements)[elements->size() - 2]);
  return !channel || pubsub::renumbered(*channel, [this](std::uint32_t number) {
                       return client_->account()->maySelect(number) ? std::optional(number) : std::nullopt;
                     }).has_value();
}

bool Subscriptions::allowedTo(const access::Permission& account) const {
  for (const TopicKind kind : {TopicKind::Channel, TopicKind::Pattern, TopicKind::Shard}) {
    const bool allowed = std::all_of(of(kind).begin(), of(kind).end(), [&](const auto& each) {
      return account.mayHear(nameForClient(each.first).value_or(each.first), kind == TopicKind::Pattern);
    });
    if (!allowed) return false;
  }
  return true;
}

// nullopt: about a database that the client does not see.
std::optional<std::string> Subscriptions::messageForClient(std::string_view message) const {
  const auto elements = routing::elementsOf(message);
  if (!elements || elements->size() < 3) return std::string(message);
  std::string out;
  protocol::appendArrayHeader(out, elements->size());
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const bool isName = i > 0 && i + 1 < elements->size();
    const auto name = isName ? nameForClient(routing::textOf((*elements)[i]).value_or("")) : std::nullopt;
    if (isName && !name) return std::nullopt;
    if (name) {
      protocol::appendBulk(out, *name);
    } else {
      out += (*elements)[i];
    }
  }
  return out;
}

// --- the end ---

Subscriptions::~Subscriptions() {
  WorkBudget budget = WorkBudget::unlimited();
  discard(budget);
}

bool Subscriptions::discard(WorkBudget& budget) {
  hub_.forgetFences(*this);
  for (; !pending_.empty(); pending_.pop_front()) {
    if (!release(pending_.front(), budget)) return false;
  }
  for (const TopicKind kind : {TopicKind::Channel, TopicKind::Pattern, TopicKind::Shard}) {
    for (; !of(kind).empty(); remove(kind, of(kind).begin())) {
      if (!budget.left()) return false;
      budget.spend(kUnitsPerTopic);
    }
  }
  return true;
}

bool Subscriptions::isLong() const noexcept {
  std::size_t topics = 0;
  for (const Topics& each : topics_) topics += each.size();
  for (const Pending& pending : pending_) topics += pending.topics.size();
  return topics > kMostAtOnce;
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

// --- subscribing ---

void Subscriptions::take(Pending& pending, std::string_view said) {
  const std::string translated = numbering_.same() ? std::string() : nameForHub(pending.kind, said);
  const std::string_view name = numbering_.same() ? said : std::string_view(translated);
  Topic& topic = hub_.hold(pending.kind, name);
  pending.topics.push_back(&topic);
  const std::size_t cost = kTopicBytes + name.size() * kNameCopies;
  pending.cost += cost;
  if (pending.request != nullptr && client_ != nullptr) client_->charge(*pending.request, cost);
  // What the client has already is confirmed even while it is interrupted.
  if (topic.live() || of(pending.kind).contains(name)) return;
  if (!pending.awaited.insert(&topic).second) return;
  hub_.await(topic, *this);
}

Subscriptions::Pending& Subscriptions::enqueue(Pending pending) {
  pending.request = &client_->addRequest(*pending.spec);
  client_->charge(*pending.request, pending.cost);
  pending.deadline =
      services_.host.now + std::max(services_.config.holdTimeout, services_.config.connectTimeout);
  pending_.push_back(std::move(pending));
  return pending_.back();
}

bool Subscriptions::refuses(const CommandSpec& spec, protocol::Argv argv) {
  const protocol::Argv names = argv.subspan(1);
  std::string objection;
  if (std::any_of(names.begin(), names.end(),
                  [](std::string_view name) { return name.size() > kLongestName; })) {
    objection = "ERR A channel or pattern cannot be longer than " + std::to_string(kLongestName) + " bytes";
  } else if (tooMany(topicKindOf(spec), names)) {
    objection = "ERR A client cannot have more than " +
                std::to_string(services_.config.clientMaxSubscriptions) +
                " subscriptions (client-max-subscriptions)";
  } else {
    return false;
  }
  services_.metrics.limits[static_cast<std::size_t>(telemetry::Limit::Subscriptions)].add();
  std::string error;
  protocol::appendError(error, objection);
  client_->reply(&spec, error);
  return true;
}

void Subscriptions::subscribe(const CommandSpec& spec, protocol::Argv argv) {
  Pending added{.spec = &spec, .kind = topicKindOf(spec)};
  for (const std::string_view name : argv.subspan(1)) take(added, name);
  if (!added.awaited.empty() || !pending_.empty()) {
    enqueue(std::move(added));
    return;
  }
  std::string out;
  WorkBudget budget = WorkBudget::unlimited();
  confirm(added, out, budget);
  client_->notify(&spec, out);
}

void Subscriptions::subscribeLong(const CommandSpec& spec, OwnedRequest request) {
  Pending& added = enqueue({.spec = &spec, .kind = topicKindOf(spec), .complete = false});
  added.request->bytes = request.bytes();
  // Grows once: a set that grows with its elements would do so in one piece, too.
  added.awaited.reserve(request.argv().size());
  services_.workbench.add(client_, std::make_unique<Taking>(*this, std::move(request)));
}

// --- unsubscribing ---

bool Subscriptions::endsMany(const CommandSpec& spec, protocol::Argv argv) const {
  return (argv.size() == 1 ? of(topicKindOf(spec)).size() : argv.size()) > kMostAtOnce;
}

void Subscriptions::unsubscribe(const CommandSpec& spec, protocol::Argv argv) {
  const TopicKind kind = topicKindOf(spec);
  std::string out;
  for (const std::string_view name : argv.subspan(1)) end(spec, kind, name, out);
  if (argv.size() == 1 && of(kind).empty()) appendNotice(out, spec.name, kind, nullptr);
  while (argv.size() == 1 && !of(kind).empty()) endFirst(spec, kind, out);
  client_->notify(&spec, out);
}

// Of very many topics, those of the first ones come from all nodes.
bool Subscriptions::fence(const CommandSpec& spec, protocol::Argv argv) {
  const Topics& topics = of(topicKindOf(spec));
  std::vector<const Topic*> ended;
  const auto add = [&](Topics::const_iterator each) {
    if (each != topics.end()) ended.push_back(each->second);
  };
  if (argv.size() == 1) {
    for (auto each = topics.begin(); each != topics.end() && ended.size() < kMostAtOnce; ++each) add(each);
  }
  for (std::size_t i = 1; i < argv.size() && i <= kMostAtOnce; ++i)
    add(topics.find(nameForHub(topicKindOf(spec), argv[i])));
  return hub_.fence(ended, *this);
}

void Subscriptions::unsubscribeLong(const CommandSpec& spec, OwnedRequest request, bool fenced) {
  Request& reply = client_->addRequest(spec);
  reply.bytes = request.bytes();
  reply.muted = false;  // CLIENT REPLY OFF is about replies, as Redis sees it
  leaving_ = std::make_unique<Leaving>(Leaving{spec, reply, std::move(request)});
  if (!fenced) onFenced();
}

void Subscriptions::onFenced() {
  if (client_ == nullptr || leaving_ == nullptr) return;
  const std::unique_ptr<Leaving> leaving = std::move(leaving_);
  services_.workbench.add(
      client_, std::make_unique<Ending>(*this, leaving->spec, leaving->reply, std::move(leaving->request)));
}

void Subscriptions::end(const CommandSpec& spec, TopicKind kind, std::string_view name, std::string& out) {
  Topics& topics = of(kind);
  if (const auto found = topics.find(nameForHub(kind, name)); found != topics.end()) remove(kind, found);
  const std::string text = nameForHub(kind, name);
  appendNotice(out, spec.name, kind, &text);
}

void Subscriptions::endFirst(const CommandSpec& spec, TopicKind kind, std::string& out) {
  const std::string name = of(kind).begin()->first;
  remove(kind, of(kind).begin());
  appendNotice(out, spec.name, kind, &name);
}

// Appends a line of Redis's for one topic; `name` nullptr: there was none.
void Subscriptions::appendNotice(std::string& out, std::string_view word, TopicKind kind,
                                 const std::string* name) const {
  protocol::appendPushHeader(out, client_->protocol, 3);
  protocol::appendBulk(out, word);
  if (name != nullptr) {
    protocol::appendBulk(out, kind == TopicKind::Shard ? *name : nameForClient(*name).value_or(*name));
  } else {
    protocol::appendNull(out, client_->protocol);
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
  hub_.stopListening(topic, *this);
  hub_.drop(topic);
}

}  // namespace slotless::session
