#include "proxy/peers/peers.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>
#include <vector>

#include "proxy/pubsub/peer_channel.h"
#include "proxy/telemetry/log.h"

namespace slotless::peers {

namespace {
// What a timer may be early.
constexpr net::Millis kEarly{50};
// What has waited longer is awaited by nobody.
constexpr net::Millis kLatest = 2 * kOrderPatience;
constexpr std::size_t kMostWaiting = 64;

// A cut-over: no node of the one is a node of the other, at its address or at another one.
bool isElsewhere(const cluster::Topology& before, const cluster::Topology& now) {
  const auto wasThere = [&](const cluster::Node& node) {
    return before.find(node.address).has_value() ||
           (!node.id.empty() && std::any_of(before.nodes.begin(), before.nodes.end(),
                                            [&](const cluster::Node& each) { return each.id == node.id; }));
  };
  return std::none_of(now.nodes.begin(), now.nodes.end(), wasThere);
}

}  // namespace

std::string newProcessId() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 32; ++i) id += kDigits[random() % kDigits.size()];
  return id;
}

Peers::Peers(net::Loop& loop, pubsub::Census& census, Self self, Hooks hooks)
    : loop_(loop),
      census_(census),
      self_(std::move(self)),
      hooks_(std::move(hooks)),
      table_(self_.id),
      counts_(census),
      line_(loop, {[this](std::string_view message) { onHeard(message); },
                   [this](const net::Address& node, int change) {
                     // So that PUBSUB NUMPAT leaves it out.
                     census_.addUpstream(pubsub::TopicKind::Pattern, pubsub::kPeerPattern, node, change);
                     if (change > 0) timer_->start(net::Millis{0});
                   },
                   [this] { speak(); }}),
      orders_(loop, self_.id,
              {[this](std::string message) { sayLater(std::move(message)); }, [this] { return others(); },
               [this] { return whyMute(); }, hooks_.carryOut, hooks_.unixMillis}),
      timer_(loop.makeTimer([this] { beat(); })),
      attendance_(pubsub::PeerDesk::ofProcess().attend(
          loop, [this](const pubsub::PeerOrder& order, const SentOrders::Done& done) {
            orders_.ask(order, done);
          })) {}

Peers::~Peers() {
  attendance_.reset();
  line_.close();  // while all that it tells is there
  census_.setPeers(nullptr);
}

void Peers::setTopology(cluster::TopologyPtr topology) {
  const bool first = topology_ == nullptr;
  // What the others have told was about nodes that are none any more. They tell it anew.
  if (!first && isElsewhere(*topology_, *topology)) forgetAll();
  topology_ = std::move(topology);
  line_.setTopology(topology_);
  for (const auto& [id, peer] : table_.peers()) {
    if (peer.counts) counts_.set(id, *peer.counts, *topology_);
  }
  table_.tellAgain();
  if (first) timer_->start(net::Millis{0});
}

void Peers::setAccess(upstream::Access access, net::Millis patience) {
  orders_.setCredentials(access.credentials(), access.previous);
  line_.setAccess(std::move(access), patience);
}

void Peers::beat() {
  timer_->start(kBeat);
  if (std::exchange(isOn_, hooks_.isOn()) && !isOn_) forgetAll();
  if (isOn_) {
    for (const std::string& id : table_.expire(loop_.now())) {
      log::info("a proxy of this cluster is not heard any more", {{"id", id}});
      counts_.drop(id);
      ++totals_.vanished;
    }
    line_.keep(table_.hearsItself(loop_.now()), hooks_.reauthInterval());
    isBeatDue_ = true;
    speak();
    // Who is alone is never asked.
    if (!table_.peers().empty()) orders_.prepare();
  }
  report();
}

// One after another. An order does not keep others from hearing that this proxy is there.
void Peers::speak() {
  if (!isOn_ || !line_.canSay()) return;
  if (std::exchange(isBeatDue_, false)) sayBeat();
  while (!outbox_.empty() && loop_.now() - outbox_.front().since >= kLatest) outbox_.pop_front();
  if (outbox_.empty() || !line_.canSay()) return;
  const std::string message = std::move(outbox_.front().message);
  outbox_.pop_front();
  line_.say(message);
}

void Peers::sayLater(std::string message) {
  if (outbox_.size() >= kMostWaiting) outbox_.pop_front();
  outbox_.push_back({loop_.now(), std::move(message)});
  speak();
}

std::string Peers::whyMute() const {
  if (!isOn_) return "peers is no";
  return line_.isListening() && table_.hearsItself(loop_.now()) ? std::string()
                                                                : "the channel of the proxies is not heard";
}

pubsub::PeerAnswers Peers::others() const {
  pubsub::PeerAnswers others;
  for (const auto& [id, peer] : table_.peers()) {
    others.push_back({});
    others.back().id = id;
    others.back().place = peer.place;
  }
  return others;
}

void Peers::forgetAll() {
  line_.close();
  for (const auto& [id, peer] : table_.peers()) counts_.drop(id);
  table_.clear();
  toldTopics_.reset();
  outbox_.clear();
  orders_.endAll();
}

void Peers::sayBeat() {
  const net::TimePoint now = loop_.now();
  if (saidAt_ && now - *saidAt_ < kBeat - kEarly) return;
  saidAt_ = now;
  Beat beat{self_.id,         self_.place, self_.release, hooks_.clients(), census_.unevenVersion(),
            table_.lacking(), {}};
  if (table_.mustTell(beat.version)) {
    beat.counts = ownCounts(census_, *topology_);
    if (std::exchange(tooMany_, beat.counts->tooMany) != tooMany_ && tooMany_)
      log::warn(
          "too many channels and patterns to tell other proxies of: they count this one's as they did alone");
    toldTopics_ = beat.counts->topics.size();
    table_.told(beat.version);
  }
  line_.say(written(beat));
  ++totals_.said;
}

void Peers::onHeard(std::string_view message) {
  const PeerOrders::Heard kind = orders_.hear(message);
  if (kind == PeerOrders::Heard::Unopened) ++totals_.unread;
  if (kind != PeerOrders::Heard::NoOrder) return;
  auto beat = readBeat(message);
  if (!beat) {
    ++totals_.unread;
    return;
  }
  const std::string id = beat->id;
  const std::string place = beat->place;
  const PeerTable::Noted noted = table_.note(std::move(*beat), loop_.now());
  switch (noted.heard) {
    case PeerTable::Heard::Own: return;
    case PeerTable::Heard::NoRoom: ++totals_.unread; return;
    case PeerTable::Heard::New:
      log::info("another proxy of this cluster is heard", {{"id", id}, {"place", place}});
      break;
    case PeerTable::Heard::Known: break;
  }
  ++totals_.heard;
  if (noted.hasCounts) counts_.set(id, *table_.peers().at(id).counts, *topology_);
}

pubsub::PeerRow Peers::rowOf(const std::string& id, const Peer& peer) const {
  pubsub::PeerRow row{id, peer.place, peer.release, peer.clients, peer.heardAt, std::nullopt, false};
  if (!peer.counts) return row;
  row.tooMany = peer.counts->tooMany;
  if (!row.tooMany) row.topics = peer.counts->topics.size();
  return row;
}

void Peers::report() {
  auto report = std::make_shared<pubsub::PeerReport>(totals_);
  report->isOn = isOn_;
  report->hears = isOn_ && line_.isListening() && table_.hearsItself(loop_.now());
  report->trouble = report->hears ? std::string() : line_.trouble();
  report->node = line_.node();
  report->self = {self_.id,    self_.place,  self_.release, hooks_.clients(),
                  loop_.now(), std::nullopt, tooMany_};
  if (!tooMany_) report->self.topics = toldTopics_;
  for (const auto& [id, peer] : table_.peers()) report->others.push_back(rowOf(id, peer));
  census_.setPeers(std::move(report));
}

}  // namespace slotless::peers
