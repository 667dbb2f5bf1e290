#include "proxy/discovery/single_server_source.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <utility>

#include "protocol/denial.h"
#include "proxy/upstream/reply_view.h"

namespace slotless::discovery {

namespace {

// While nobody answers. A request() still makes a round after minInterval.
constexpr net::Millis kLongestPause{2000};
constexpr int kMostDoublings = 8;
// What one sentinel is asked for costs nothing, and a master that they move away from may be well.
constexpr net::Millis kSentinelInterval{1000};
// A frozen set of servers must not cost more descriptors than that.
constexpr std::size_t kMostQueries = 32;

using Questions = std::vector<std::vector<std::string_view>>;
enum ServerQuestion : std::size_t { Replication, Server, Role };

const Questions& serverQuestions() {
  static const Questions kQuestions{{"INFO", "replication"}, {"INFO", "server"}, {"ROLE"}};
  return kQuestions;
}

bool isDenied(const redisReply& reply) {
  return reply.type == REDIS_REPLY_ERROR && protocol::isDenial({reply.str, reply.len});
}

}  // namespace

SingleServerSource::SingleServerSource(net::Loop& loop, RefreshSettings settings, TopologyEvents events,
                                       std::uint32_t randomSeed)
    : loop_(loop),
      settings_(std::move(settings)),
      events_(std::move(events)),
      random_(randomSeed),
      sentinels_(settings_.seeds) {
  timer_ = loop_.makeTimer([this] { beginRound(); });
}

SingleServerSource::~SingleServerSource() = default;

void SingleServerSource::start() {
  beginRound();
}

void SingleServerSource::setSettings(RefreshSettings settings) {
  settings_ = std::move(settings);
  sentinels_ = settings_.seeds;
  kept_.clear();  // made with the old credentials
  request(false);
}

net::Millis SingleServerSource::jittered(net::Millis delay) {
  // ±10 %, so that many proxies do not ask in step.
  const auto tenth = delay.count() / 10;
  return net::Millis(delay.count() - tenth +
                     std::uniform_int_distribution<net::Millis::rep>(0, 2 * tenth)(random_));
}

void SingleServerSource::schedule(net::Millis delay) {
  const net::TimePoint due = loop_.now() + delay;
  if (timer_->active() && nextBegin_ <= due) return;
  nextBegin_ = due;
  timer_->start(delay);
}

void SingleServerSource::request(bool urgent) {
  urgent_ = urgent_ || urgent;
  if (inRound_) {
    wanted_ = true;  // the running round may have asked before the change
    return;
  }
  const auto earliest = lastBegin_ + jittered(settings_.minInterval);
  schedule(std::max(net::Millis{0}, std::chrono::ceil<net::Millis>(earliest - loop_.now())));
}

void SingleServerSource::beginRound() {
  timer_->stop();
  lastBegin_ = loop_.now();
  inRound_ = true;
  wanted_ = false;
  urgentRound_ = std::exchange(urgent_, false);
  asked_.clear();
  rival_.reset();
  named_.reset();
  all_ = false;
  if (usesSentinels()) {
    askSentinels(urgentRound_ ? settings_.urgentWidth : 1);
  } else {
    askServers(urgentRound_ || !master());
  }
}

void SingleServerSource::endRound(bool answered) {
  inRound_ = false;
  queries_.clear();
  failedRounds_ = answered ? 0 : failedRounds_ + 1;
  const net::Millis period =
      usesSentinels() ? std::min(settings_.interval, kSentinelInterval) : settings_.interval;
  net::Millis delay = wanted_ || urgent_ ? settings_.minInterval : period;
  if (!answered) {
    const net::Millis doubled = settings_.minInterval * (1 << std::min(failedRounds_, kMostDoublings));
    delay = std::clamp(doubled, settings_.minInterval, std::max(settings_.minInterval, kLongestPause));
  }
  schedule(jittered(delay));
}

std::optional<net::Address> SingleServerSource::master() const {
  const cluster::NodeIndex owner = current_->owners.front();
  return owner == cluster::kNoNode ? std::nullopt : std::optional(current_->nodes[owner].address);
}

void SingleServerSource::ask(const net::Address& address, const upstream::Access& access,
                             const Questions& questions, Ask answered) {
  if (queries_.size() >= kMostQueries || !asked_.insert(address).second) return;
  NodeQuery::Callback callback = [this, address, answered](const QueryResult& result) {
    auto query = queries_.extract(address);  // destroyed at the end, unless it is kept
    const bool keeps = answered == &SingleServerSource::onSentinel && result.error.empty();
    (this->*answered)(address, result);
    if (keeps && !query.empty() && query.mapped()->reusable()) kept_[address] = std::move(query.mapped());
  };
  auto kept = kept_.extract(address);
  std::unique_ptr<NodeQuery>& query = queries_[address];
  if (!kept.empty() && kept.mapped()->reusable()) {
    query = std::move(kept.mapped());
    query->again(questions, settings_.queryTimeout, std::move(callback));
  } else {
    query = std::make_unique<NodeQuery>(loop_, address, access, questions, settings_.queryTimeout,
                                        std::move(callback));
  }
}

// --- sentinels ---

void SingleServerSource::askSentinels(std::size_t width) {
  std::vector<net::Address> candidates = sentinels_;
  std::shuffle(candidates.begin(), candidates.end(), random_);
  // Who is connected to answers soonest.
  std::stable_partition(candidates.begin(), candidates.end(),
                        [this](const net::Address& each) { return kept_.contains(each); });
  upstream::Access access = settings_.access;
  access.denials = nullptr;
  if (!sentinelsWantPassword_) {
    access.username.clear();
    access.password.clear();
    access.previous.reset();
  }
  const Questions questions = sentinelQuestions(settings_.sentinelName);
  for (const net::Address& each : candidates) {
    if (width == 0) break;
    if (asked_.contains(each)) continue;
    ask(each, access, questions, &SingleServerSource::onSentinel);
    --width;
  }
  if (queries_.empty()) endRound(false);
}

// Most sentinels have no password, and must not be told that of the servers: it is presented to those that
// ask for one.
void SingleServerSource::noteLogin(const std::string& error) {
  const bool wants = error.find("NOAUTH") != std::string::npos;
  const bool refuses = error.starts_with("AUTH refused");
  if (!wants && !refuses) return;
  if (sentinelsWantPassword_ == wants) return;
  sentinelsWantPassword_ = wants;
  wanted_ = true;
}

void SingleServerSource::onSentinel(const net::Address& sentinel, const QueryResult& result) {
  if (!result.error.empty()) {
    noteLogin(result.error);
    fail(sentinel, result.error);
  } else {
    const redisReply& address = *result.replies[0];
    const auto answer =
        parseSentinelAnswer(address, *result.replies[1], *result.replies[2], settings_.addressMap);
    if (answer) {
      for (const net::Address& each : answer->sentinels) {
        if (std::find(sentinels_.begin(), sentinels_.end(), each) == sentinels_.end())
          sentinels_.push_back(each);
      }
      if (isNewer(*answer)) {
        if (answer->master != master()) return follow(*answer);
        if (!named_ || named_->epoch < answer->epoch) named_ = answer;
      }
    } else {
      const bool error = address.type == REDIS_REPLY_ERROR;
      fail(sentinel, error ? std::string(address.str, address.len)
                           : "the sentinel knows no master by the name " + settings_.sentinelName);
    }
  }
  if (queries_.empty()) endSentinels();
}

bool SingleServerSource::isNewer(const SentinelAnswer& answer) const {
  if (answer.epoch == 0 || epoch_ == 0) return true;
  if (answer.epoch < epoch_) return false;
  return answer.epoch > epoch_ || answer.master != replaced_;
}

void SingleServerSource::follow(const SentinelAnswer& answer) {
  queries_.clear();
  named_ = answer;
  ask(answer.master, settings_.access, serverQuestions(), &SingleServerSource::onServer);
  if (queries_.empty()) endRound(false);  // a sentinel that calls itself the master
}

// All that have been asked have answered, and know of no other master than the one that is known here.
void SingleServerSource::endSentinels() {
  if (!named_) return askSentinels(sentinels_.size());
  if (urgentRound_ || loop_.now() - masterSeen_ >= settings_.interval) return follow(*named_);
  epoch_ = std::max(epoch_, named_->epoch);
  events_.confirmed();
  endRound(true);
}

// --- servers ---

void SingleServerSource::askServers(bool all) {
  const auto askOne = [this](const net::Address& address) {
    ask(address, settings_.access, serverQuestions(), &SingleServerSource::onServer);
  };
  if (const auto known = master()) askOne(*known);
  all_ = all;
  if (all) {
    // Replicas that are not among them: one that was cut loose for a while is nobody's successor.
    for (const net::Address& seed : settings_.seeds) askOne(seed);
  }
  if (queries_.empty()) endRound(false);
}

void SingleServerSource::onServer(const net::Address& server, const QueryResult& result) {
  judge(server, result);
  if (!inRound_) return;
  const auto known = master();
  const bool heard = !known || !queries_.contains(*known);
  if (rival_ && heard) return accept(*std::exchange(rival_, std::nullopt));
  if (queries_.empty()) settleServers();
}

void SingleServerSource::judge(const net::Address& server, const QueryResult& result) {
  if (!result.error.empty()) return fail(server, result.error);
  const redisReply& replication = *result.replies[Replication];
  const std::string_view info = upstream::textOf(result.replies[Server].get());
  if (infoField(info, "redis_mode") == "cluster" || infoField(info, "server_mode") == "cluster")
    return fail(server, "the server is a node of a cluster: see upstream");
  if (infoField(info, "redis_mode") == "sentinel" || infoField(info, "server_mode") == "sentinel")
    return fail(server, "the server is a sentinel: see sentinel-name");
  auto role = parseServerRole(replication, *result.replies[Role], settings_.addressMap);
  // Who is not allowed to ask has to believe the configuration.
  if (!role && isDenied(replication) && isDenied(*result.replies[Role])) role = ServerRole{.master = true};
  if (!role) {
    const bool error = replication.type == REDIS_REPLY_ERROR;
    return fail(server, error ? std::string(replication.str, replication.len)
                              : "INFO replication does not say whether this is a master");
  }
  if (!role->master) return onReplica(server, *role);
  std::string_view version = infoField(info, "redis_version");
  onMaster({server, std::move(*role), std::string(version)});
}

void SingleServerSource::onMaster(Found found) {
  const auto known = master();
  const bool waits = !usesSentinels() && known && *known != found.address && queries_.contains(*known);
  if (!waits) return accept(std::move(found));
  if (!rival_ || rival_->role.followers.size() < found.role.followers.size()) rival_ = std::move(found);
}

void SingleServerSource::onReplica(const net::Address& server, const ServerRole& role) {
  if (usesSentinels()) return fail(server, "the server that the sentinels name is a replica");
  if (role.followed) ask(*role.followed, settings_.access, serverQuestions(), &SingleServerSource::onServer);
}

// Nobody who has been asked is a master.
void SingleServerSource::settleServers() {
  if (all_ || usesSentinels()) return endRound(false);
  askServers(true);
}

void SingleServerSource::accept(Found found) {
  if (named_) {
    const auto before = master();
    if (named_->epoch > epoch_) replaced_.reset();
    if (before && *before != found.address && named_->epoch <= epoch_) replaced_ = before;
    epoch_ = std::max(epoch_, named_->epoch);
  }
  masterSeen_ = loop_.now();
  cluster::Topology fresh;
  fresh.nodes.push_back({{}, found.address, true, epoch_, {}});
  for (const Follower& follower : found.role.followers) {
    if (fresh.find(follower.address)) continue;
    const auto index = static_cast<cluster::NodeIndex>(fresh.nodes.size());
    fresh.nodes.push_back({{}, follower.address, false, 0, {}});
    (follower.online ? fresh.nodes.front().replicas : fresh.nodes.front().joining).push_back(index);
  }
  fresh.owners.fill(0);
  fresh.addressMap = settings_.addressMap;
  fresh.sortNodes();
  fresh.serverVersion = found.version.empty() ? current_->serverVersion : found.version;
  events_.confirmed();
  const bool differs = !fresh.sameLayout(*current_);
  fresh.version = current_->version + (differs ? 1 : 0);
  current_ = std::make_shared<const cluster::Topology>(std::move(fresh));
  endRound(true);
  if (differs) events_.changed(current_);
}

}  // namespace slotless::discovery
