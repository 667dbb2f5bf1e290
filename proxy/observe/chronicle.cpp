#include "proxy/observe/chronicle.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace slotless::observe {

namespace {

constexpr std::size_t kSamplesPerMinute = std::chrono::minutes(1) / kTrafficStep;

std::int64_t unixNow() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void Chronicle::take(Condition condition) {
  const std::lock_guard guard(mutex_);
  if (!samples_.empty()) {
    traffic_.add(pointBetween(samples_.back(), condition.now));
    noteChanges(happenings_, samples_.back(), condition.now);
  }
  samples_.push_back(condition.now);
  if (samples_.size() > kSamplesPerMinute + 1) samples_.pop_front();
  if (samples_.size() > kNodeSteps + 1) samples_[samples_.size() - kNodeSteps - 2].nodes.clear();
  condition.minuteAgo = samples_.front();
  problems_ = verdict_.judge(condition);
}

void Chronicle::noteTopology(const cluster::TopologyPtr& topology) {
  const std::lock_guard guard(mutex_);
  static const cluster::Topology kNothing;
  noteChanges(happenings_, unixNow(), topology_ == nullptr ? kNothing : *topology_, *topology);
  topology_ = topology;
}

void Chronicle::note(std::string_view kind, Weight weight, std::string text) {
  const std::lock_guard guard(mutex_);
  happenings_.add(unixNow(), kind, weight, std::move(text));
}

Present Chronicle::present() const {
  const std::lock_guard guard(mutex_);
  Present present;
  present.problems = problems_;
  present.lastHappening = happenings_.lastId();
  if (samples_.empty()) return present;
  present.now = samples_.back();
  present.minuteAgo = samples_.front();
  if (!traffic_.points().empty()) present.point = traffic_.points().back();
  const Sample& before = samples_[samples_.size() - 1 - std::min(samples_.size() - 1, kNodeSteps)];
  const double seconds = std::chrono::duration<double>(present.now.at - before.at).count();
  for (const auto& [name, node] : present.now.nodes) {
    const auto earlier = before.nodes.find(name);
    present.nodes[name] = NodeTraffic{
        flowBetween(earlier == before.nodes.end() ? NodeSample{} : earlier->second, node, seconds), node};
  }
  return present;
}

std::deque<TrafficPoint> Chronicle::traffic() const {
  const std::lock_guard guard(mutex_);
  return traffic_.points();
}

std::deque<Happening> Chronicle::happenings() const {
  const std::lock_guard guard(mutex_);
  return happenings_.all();
}

}  // namespace slotless::observe
