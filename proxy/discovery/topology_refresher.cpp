#include "proxy/discovery/topology_refresher.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <utility>

#include "protocol/denial.h"
#include "proxy/discovery/reply_denials.h"
#include "proxy/discovery/topology_listing.h"

namespace slotless::discovery {

namespace {
// Stragglers included; beyond this a frozen cluster would cost a descriptor per round.
constexpr std::size_t kMaxQueries = 16;
// While nobody answers. A request() still makes a round after minInterval.
constexpr net::Millis kMaxRetryDelay{2000};
// So many rounds in quick succession bring no news; then they come half as often, since an election takes its
// time and the other shards have work to do. A pause of four intervals begins a new succession.
constexpr int kRoundsInHaste = 5;
constexpr int kIntervalsOfPause = 4;
// A cluster that changes agrees with itself only a little later: after that time it is looked at again, then
// after twice that, and so on up to the interval.
constexpr net::Millis kFirstLook{1000};

// Nodes that an urgent round asks when an earlier one has just been answered.
constexpr std::size_t kWidthOfHunt = 2;
// More than half of what a round costs is making its connections.
constexpr net::Millis kKeepConnections{1000};
// For a seed's name: as long as the system waits for the first of its name servers.
constexpr net::Millis kPatience{5000};

using Questions = std::vector<std::vector<std::string_view>>;
enum Question : std::size_t { Slots, Nodes, Info, Shards };

const Questions& questions(bool withShards) {
  static const Questions kQuestions{{"CLUSTER", "SLOTS"}, {"CLUSTER", "NODES"}, {"INFO", "server"}};
  static const Questions kWithShards{
      {"CLUSTER", "SLOTS"}, {"CLUSTER", "NODES"}, {"INFO", "server"}, {"CLUSTER", "SHARDS"}};
  return withShards ? kWithShards : kQuestions;
}

// What INFO says behind "redis_version:"; empty if INFO was refused.
std::string versionIn(const redisReply& info) {
  constexpr std::string_view kField = "redis_version:";
  if (info.type != REDIS_REPLY_STRING) return {};
  const std::string_view text(info.str, info.len);
  const std::size_t begin = text.find(kField);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = text.substr(begin + kField.size());
  return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}
}  // namespace

TopologyRefresher::TopologyRefresher(net::Loop& loop, RefreshSettings settings, Events events,
                                     std::uint32_t randomSeed)
    : loop_(loop), settings_(std::move(settings)), events_(std::move(events)), random_(randomSeed) {
  timer_ = loop_.makeTimer([this] { beginRound(); });
  keptTimer_ = loop_.makeTimer([this] { kept_.clear(); });
}

TopologyRefresher::~TopologyRefresher() = default;

void TopologyRefresher::start() {
  beginRound();
}

void TopologyRefresher::setSettings(RefreshSettings settings) {
  settings_ = std::move(settings);
  kept_.clear();  // made with the old credentials
  request(false);
}

net::Millis TopologyRefresher::jittered(net::Millis delay) {
  // ±10 %, so that many proxies do not ask in step.
  const auto tenth = delay.count() / 10;
  return net::Millis(delay.count() - tenth +
                     std::uniform_int_distribution<net::Millis::rep>(0, 2 * tenth)(random_));
}

net::Millis TopologyRefresher::pace() const {
  return settings_.minInterval * (roundsWithoutNews_ < kRoundsInHaste ? 1 : 2);
}

void TopologyRefresher::schedule(net::Millis delay) {
  const net::TimePoint due = loop_.now() + delay;
  if (timer_->active() && nextBegin_ <= due) return;
  nextBegin_ = due;
  timer_->start(delay);
}

void TopologyRefresher::request(bool urgent) {
  urgent_ = urgent_ || urgent;
  if (inRound_) {
    wanted_ = true;  // the running round may have asked before the change
    return;
  }
  const auto earliest = lastBegin_ + jittered(pace());
  schedule(std::max(net::Millis{0}, std::chrono::ceil<net::Millis>(earliest - loop_.now())));
}

void TopologyRefresher::beginRound() {
  timer_->stop();
  if (loop_.now() - lastBegin_ > kIntervalsOfPause * settings_.minInterval) roundsWithoutNews_ = 0;
  lastBegin_ = loop_.now();
  inRound_ = true;
  wanted_ = false;
  seedsAsked_ = false;
  lookUps_.clear();
  roundOpen_ = 0;
  roundFirstId_ = lastQueryId_ + 1;
  urgentRound_ = std::exchange(urgent_, false);
  askKnownNodes();
  if (roundOpen_ == 0) askSeeds();
}

void TopologyRefresher::askKnownNodes() {
  std::vector<net::Address> candidates;
  for (const cluster::Node& node : current_->nodes) {
    const bool waiting = std::any_of(queries_.begin(), queries_.end(),
                                     [&](const auto& entry) { return entry.second->node() == node.address; });
    if (!waiting) candidates.push_back(node.address);
  }
  std::shuffle(candidates.begin(), candidates.end(), random_);
  std::size_t width = urgentRound_ ? settings_.urgentWidth : 1;
  // One that has answered a moment ago will not keep the round waiting; another one may know better.
  const auto answers = std::find_if(candidates.begin(), candidates.end(), [this](const net::Address& node) {
    const auto kept = kept_.find(node);
    return kept != kept_.end() && kept->second->reusable();
  });
  if (answers != candidates.end()) {
    std::iter_swap(candidates.begin(), answers);
    width = std::min(width, kWidthOfHunt);
  }
  if (candidates.size() > width) candidates.resize(width);
  for (const net::Address& node : candidates) ask(node, node.host);
}

void TopologyRefresher::askSeeds() {
  seedsAsked_ = true;
  roundOpen_ += settings_.seeds.size();
  for (const net::Address& seed : settings_.seeds) {
    lookUps_.push_back(loop_.resolve(seed.host, kPatience, [this, seed](const net::Resolution& resolution) {
      // A straggler may have ended the round that wanted to know, and with it the need.
      if (!inRound_) return;
      --roundOpen_;
      if (resolution.addresses.empty()) events_.failed(seed, resolution.error);
      for (const std::string& host : resolution.addresses) ask({host, seed.port}, seed.host);
      if (inRound_ && roundOpen_ == 0) endRound(false);
    }));
  }
}

void TopologyRefresher::ask(const net::Address& node, const std::string& name) {
  if (queries_.size() >= kMaxQueries) return;
  const std::uint64_t id = ++lastQueryId_;
  ++roundOpen_;
  NodeQuery::Callback answered = [this, id, node, name](QueryResult result) {
    onAnswer(id, node, name, std::move(result));
  };
  auto kept = kept_.extract(node);
  std::unique_ptr<NodeQuery>& query = queries_[id];
  if (!kept.empty() && kept.mapped()->reusable()) {
    query = std::move(kept.mapped());
    query->again(questions(shardsNeeded_), settings_.queryTimeout, std::move(answered));
  } else {
    upstream::Access access = settings_.access;
    access.tlsName = name;
    query = std::make_unique<NodeQuery>(loop_, node, access, questions(shardsNeeded_), settings_.queryTimeout,
                                        std::move(answered));
  }
}

void TopologyRefresher::onAnswer(std::uint64_t queryId, const net::Address& node, const std::string& name,
                                 QueryResult result) {
  auto query = queries_.extract(queryId);  // destroyed at the end of this function
  const bool ofThisRound = queryId >= roundFirstId_;
  if (ofThisRound) --roundOpen_;
  const bool accepted = accept(node, name, result);
  if (accepted && urgentRound_) keep(std::move(query.mapped()));
  if (!inRound_) return;
  if (accepted) {
    endRound(true);
  } else if (roundOpen_ == 0) {
    if (seedsAsked_) {
      endRound(false);
    } else {
      askSeeds();
    }
  }
}

void TopologyRefresher::keep(std::unique_ptr<NodeQuery> answered) {
  kept_[answered->node()] = std::move(answered);
  keptTimer_->start(kKeepConnections);
}

void TopologyRefresher::noteDenials(const net::Address& node, const QueryResult& result) {
  using telemetry::Deniable;
  const auto denied = [&](Deniable what, Question question) {
    return noteIfDenied(settings_.access.denials, what, node, *result.replies[question], loop_.now());
  };
  const bool slots = denied(Deniable::ClusterSlots, Slots);
  const bool nodes = denied(Deniable::ClusterNodes, Nodes);
  denied(Deniable::Info, Info);
  if (result.replies.size() > Shards) denied(Deniable::ClusterShards, Shards);
  shardsNeeded_ = slots && nodes;
}

// `listed`: what is known of the nodes beside it. Refused by an ACL, there are no epochs, and the newest
// answer wins.
std::optional<cluster::Topology> TopologyRefresher::topologyIn(const std::string& host,
                                                               const QueryResult& result,
                                                               std::vector<ListedNode>& listed) {
  const cluster::AddressMap& map = settings_.addressMap;
  const redisReply& slots = *result.replies[Slots];
  const redisReply& nodes = *result.replies[Nodes];
  if (nodes.type == REDIS_REPLY_STRING) listed = parseNodes({nodes.str, nodes.len}, host, map);
  if (slots.type != REDIS_REPLY_ERROR) return parseSlots(slots, host, listed, map);
  if (!protocol::isDenial({slots.str, slots.len})) return std::nullopt;
  if (listed.empty() && result.replies.size() > Shards) {
    const Ports ports = settings_.access.tls == nullptr ? Ports::Plain : Ports::Tls;
    listed = parseShards(*result.replies[Shards], host, map, ports);
  }
  return topologyOf(listed, map);
}

bool TopologyRefresher::accept(const net::Address& node, const std::string& name, const QueryResult& result) {
  if (!result.error.empty()) {
    events_.failed(node, result.error);
    return false;
  }
  noteDenials(node, result);
  // Who does not know its own address leaves it to us, and with TLS only the name is good for the next time.
  const std::string& host = settings_.access.tls == nullptr ? node.host : name;
  std::vector<ListedNode> listed;
  auto fresh = topologyIn(host, result, listed);
  if (!fresh) {
    const redisReply& slots = *result.replies[Slots];
    events_.failed(node, slots.type == REDIS_REPLY_ERROR ? std::string(slots.str, slots.len)
                                                         : "CLUSTER SLOTS gave no list of slots");
    return false;
  }
  if (fresh->slotsCovered() == 0) {
    events_.failed(node, "the node knows no owner of any slot");
    return false;
  }
  keepKnownAddresses(*current_, *fresh);
  keepHigherEpochs(*current_, listed, *fresh);
  fresh->serverVersion = versionIn(*result.replies[Info]);
  if (fresh->serverVersion.empty()) fresh->serverVersion = current_->serverVersion;
  events_.confirmed();
  fresh->version = current_->version + 1;
  const bool differs = !fresh->sameLayout(*current_);
  if (!differs) fresh->version = current_->version;  // only epochs moved: nothing to tell anybody
  const bool first = current_->nodes.empty();
  current_ = std::make_shared<const cluster::Topology>(std::move(*fresh));
  if (!differs) return true;
  roundsWithoutNews_ = 0;
  if (!first) lookSoonAfterChange();
  events_.changed(current_);
  return true;
}

void TopologyRefresher::endRound(bool answered) {
  inRound_ = false;
  ++roundsWithoutNews_;
  failedRounds_ = answered ? 0 : failedRounds_ + 1;
  // Only rounds that come as late as it count as the look: those that somebody asked for come in between.
  if (lookAfter_.count() > 0 && lastBegin_ >= nextLook_) {
    lookAfter_ = lookAfter_ * 2 < settings_.interval ? lookAfter_ * 2 : net::Millis{0};
    nextLook_ = lastBegin_ + jittered(lookAfter_);
  }
  net::Millis delay = wanted_ || urgent_ ? pace() : settings_.interval;
  if (!answered) {
    const net::Millis doubled = settings_.minInterval * (1 << std::min(failedRounds_, 8));
    delay = std::clamp(doubled, settings_.minInterval, std::max(settings_.minInterval, kMaxRetryDelay));
  }
  delay = jittered(delay);
  if (answered && lookAfter_.count() > 0)
    delay = std::min(delay, std::max(std::chrono::ceil<net::Millis>(nextLook_ - loop_.now()), pace()));
  schedule(delay);
}

void TopologyRefresher::lookSoonAfterChange() {
  lookAfter_ = kFirstLook;
  const net::Millis delay = jittered(lookAfter_);
  nextLook_ = loop_.now() + delay;
  if (!inRound_) schedule(std::max(delay, pace()));  // a straggler has told
}

}  // namespace slotless::discovery
