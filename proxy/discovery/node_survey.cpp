#include "proxy/discovery/node_survey.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/upstream/reply_view.h"

namespace slotless::discovery {

namespace {

using Commands = std::vector<std::vector<std::string_view>>;

std::int64_t millisOf(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration_cast<net::Millis>(time.time_since_epoch()).count();
}

std::int64_t unixNow() {
  return std::chrono::duration_cast<net::Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

NodeSurvey::NodeSurvey(net::Loop& loop, SurveySettings settings)
    : loop_(loop), settings_(std::move(settings)), timer_(loop.makeTimer([this] { beginRound(); })) {}

NodeSurvey::~NodeSurvey() = default;

void NodeSurvey::setTopology(cluster::TopologyPtr topology) {
  topology_ = std::move(topology);
  std::erase_if(asked_, [this](const auto& each) { return !topology_->find(each.first); });
  underWay_ = static_cast<std::size_t>(std::count_if(asked_.begin(), asked_.end(), [](const auto& each) {
    return each.second.query != nullptr && !each.second.query->reusable();
  }));
  forgetOthers();
  // All that the round has waited for may be gone.
  if (awake_.load() && underWay_ == 0 && !timer_->active()) askNext();
}

void NodeSurvey::forgetOthers() {
  const std::lock_guard guard(mutex_);
  std::erase_if(reports_, [this](const auto& each) {
    return std::none_of(topology_->nodes.begin(), topology_->nodes.end(),
                        [&](const cluster::Node& node) { return node.address.text() == each.first; });
  });
}

void NodeSurvey::setSettings(SurveySettings settings) {
  settings_ = std::move(settings);
  // Those that rest were made with what was valid before.
  std::erase_if(
      asked_, [](const auto& each) { return each.second.query == nullptr || each.second.query->reusable(); });
}

NodeSurvey::Reports NodeSurvey::reports() {
  wantedAtMillis_.store(millisOf(loop_.now()), std::memory_order_relaxed);
  if (!awake_.exchange(true)) loop_.post([this] { wake(); });
  const std::lock_guard guard(mutex_);
  return reports_;
}

void NodeSurvey::wake() {
  if (!timer_->active() && underWay_ == 0) beginRound();
}

bool NodeSurvey::wanted() const {
  return millisOf(loop_.now()) - wantedAtMillis_.load(std::memory_order_relaxed) < kPatience.count();
}

void NodeSurvey::beginRound() {
  if (topology_ == nullptr || topology_->nodes.empty()) return timer_->start(kInterval);
  if (!wanted()) {
    asked_.clear();
    awake_.store(false);
    return;
  }
  toAsk_.clear();
  for (const cluster::Node& node : topology_->nodes) toAsk_.push_back(node.address);
  askNext();
}

void NodeSurvey::askNext() {
  while (underWay_ < kAtOnce && !toAsk_.empty()) {
    const net::Address node = std::move(toAsk_.front());
    toAsk_.pop_front();
    if (topology_->find(node)) askOne(node);
  }
  if (underWay_ == 0) timer_->start(kInterval + kIntervalPerNode * static_cast<int>(topology_->nodes.size()));
}

void NodeSurvey::askOne(const net::Address& node) {
  ++underWay_;
  Asked& asked = asked_[node];
  const Commands ping{{"PING"}};
  auto onReply = [this, node](QueryResult result) { onPong(node, std::move(result)); };
  asked.since = loop_.now();
  asked.pinged = asked.query != nullptr && asked.query->reusable();
  if (asked.pinged) return asked.query->again(ping, settings_.queryTimeout, std::move(onReply));
  asked.query = std::make_unique<NodeQuery>(loop_, node, settings_.access, ping, settings_.queryTimeout,
                                            std::move(onReply));
}

// The first answer has come behind a whole handshake: only the second one tells how far away the node is.
void NodeSurvey::onPong(const net::Address& node, QueryResult result) {
  if (!result.error.empty()) return ended(node, result.error);
  Asked& asked = asked_[node];
  if (!std::exchange(asked.pinged, true)) {
    asked.since = loop_.now();
    return asked.query->again({{"PING"}}, settings_.queryTimeout,
                              [this, node](QueryResult next) { onPong(node, std::move(next)); });
  }
  const std::int64_t micros = std::chrono::duration_cast<net::Micros>(loop_.now() - asked.since).count();
  {
    const std::lock_guard guard(mutex_);
    reports_[node.text()].roundTripMicros = micros;
  }
  const bool withSlots = isMaster(node) && topology_->nodes.size() <= kMostForOpenSlots;
  Commands commands{{"INFO"}};
  if (withSlots) commands.push_back({"CLUSTER", "NODES"});
  asked.query->again(commands, settings_.queryTimeout,
                     [this, node, withSlots](const QueryResult& told) { onTold(node, withSlots, told); });
}

void NodeSurvey::onTold(const net::Address& node, bool withSlots, const QueryResult& result) {
  if (!result.error.empty()) return ended(node, result.error);
  const redisReply& info = *result.replies[0];
  if (info.type == REDIS_REPLY_ERROR) return ended(node, std::string(info.str, info.len));
  cluster::NodeReport report;
  takeInfo(report, upstream::textOf(&info));
  if (withSlots && result.replies[1]->type != REDIS_REPLY_ERROR)
    report.openSlots = cluster::openSlotsIn(upstream::textOf(result.replies[1].get()));
  {
    const std::lock_guard guard(mutex_);
    cluster::NodeReport& known = reports_[node.text()];
    report.roundTripMicros = known.roundTripMicros;
    report.unixMillis = unixNow();
    known = std::move(report);
  }
  --underWay_;
  askNext();
}

void NodeSurvey::ended(const net::Address& node, const std::string& error) {
  {
    const std::lock_guard guard(mutex_);
    cluster::NodeReport& known = reports_[node.text()];
    known.error = error;
    known.unixMillis = unixNow();
  }
  --underWay_;
  const auto gone = asked_.extract(node);  // destroyed at the end of this function
  askNext();
}

bool NodeSurvey::isMaster(const net::Address& node) const {
  return topology_->isMaster(node);
}

}  // namespace slotless::discovery
