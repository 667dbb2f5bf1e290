#include "proxy/pubsub/monitors.h"

#include <algorithm>

#include "protocol/denial.h"
#include "proxy/pubsub/monitor_filter.h"
#include "proxy/pubsub/monitor_line.h"
#include "proxy/telemetry/log.h"

namespace slotless::pubsub {

namespace {
constexpr std::string_view kMonitor = "*1\r\n$7\r\nMONITOR\r\n";
}  // namespace

class Monitors::Source final : private FeedOwner {
 public:
  Source(Monitors& monitors, const net::Address& node)
      : monitors_(monitors), feed_(monitors.host_, monitors.settings_, node, monitors.metrics_, *this) {}

  const net::Address& node() const noexcept { return feed_.node(); }
  bool live() const noexcept { return state_ == State::Live; }
  void open() { feed_.open(); }
  void flush() { feed_.flush(); }
  // Nobody needs it: gone at the end of the turn.
  bool retired = false;

 private:
  enum class State : std::uint8_t { Waiting, Asked, Live, Refused };

  void onFeedReady() override {
    feed_.send(kMonitor);
    state_ = State::Asked;
  }
  bool onFeedReply(std::string_view reply) override {
    if (state_ == State::Live) {
      if (filter_.shows(reply) && !retired) showLine(reply);
    } else if (reply.front() == '-') {
      state_ = State::Refused;
      telemetry::Denials* denials = monitors_.settings_.access.denials;
      if (denials != nullptr && protocol::isDenial(reply))
        denials->note(telemetry::Deniable::Monitor, node(), reply, monitors_.host_.now);
      monitors_.onRefused(reply);
    } else {
      state_ = State::Live;
      telemetry::Denials* denials = monitors_.settings_.access.denials;
      if (denials != nullptr) denials->worked(telemetry::Deniable::Monitor, node());
      monitors_.onSourceLive();
    }
    return true;
  }
  bool onFeedLost(std::string_view reason, bool established) override {
    static log::RateLimit limit(5);
    log::write(limit, monitors_.host_.now, established ? log::Level::Warn : log::Level::Info,
               "monitoring interrupted", {{"node", node().text()}, {"reason", reason}});
    state_ = State::Waiting;
    monitors_.refreshTopology_();
    return !retired;
  }
  bool awaitsFeedReply() const override { return state_ == State::Asked; }
  void showLine(std::string_view line) {
    const databases::Databases& databases = monitors_.databases_;
    const auto translated = translateLine(databases, line);
    monitors_.show(translated ? *translated : line);
  }

  Monitors& monitors_;
  State state_ = State::Waiting;
  MonitorFilter filter_;
  Feed feed_;
};

Monitors::Monitors(upstream::LinkHost& host, const upstream::LinkSettings& settings,
                   const databases::Databases& databases, telemetry::WorkerMetrics& metrics,
                   std::function<void()> refreshTopology)
    : host_(host),
      settings_(settings),
      databases_(databases),
      metrics_(metrics),
      refreshTopology_(std::move(refreshTopology)),
      timer_(host.loop.makeTimer([this] { tick(); })) {}

Monitors::~Monitors() = default;

void Monitors::setTopology(cluster::TopologyPtr topology) {
  topology_ = std::move(topology);
  openSources();
  onSourceLive();
}

void Monitors::openSources() {
  for (const auto& source : sources_) {
    const auto index = topology_->find(source->node());
    source->retired = !needed() || !index || !topology_->nodes[*index].master;
    if (!source->retired) source->open();
  }
  if (!needed()) return;
  for (const cluster::Node& node : topology_->nodes) {
    const bool known = std::any_of(sources_.begin(), sources_.end(), [&](const auto& source) {
      return !source->retired && source->node() == node.address;
    });
    if (!node.master || known) continue;
    sources_.push_back(std::make_unique<Source>(*this, node.address));
    sources_.back()->open();
  }
}

bool Monitors::allLive() const {
  bool any = false;
  for (const auto& source : sources_) {
    if (source->retired) continue;
    if (!source->live()) return false;
    any = true;
  }
  return any;
}

void Monitors::add(Watcher& watcher) {
  waiting_.insert(&watcher);
  metrics_.monitors.add(1);
  openSources();
  if (allLive()) return onSourceLive();
  if (!timer_->active()) timer_->start(kTick);
}

void Monitors::remove(Watcher& watcher) {
  if (watchers_.erase(&watcher) + waiting_.erase(&watcher) == 0) return;
  metrics_.monitors.add(-1);
  openSources();
}

void Monitors::onSourceLive() {
  if (waiting_.empty() || !allLive()) return;
  const auto waiting = std::move(waiting_);
  waiting_.clear();
  watchers_.insert(waiting.begin(), waiting.end());
  for (Watcher* watcher : waiting) watcher->onMonitoring();
}

void Monitors::show(std::string_view lines) {
  for (Watcher* watcher : watchers_) watcher->onLines(lines);
}

void Monitors::onRefused(std::string_view line) {
  const auto waiting = waiting_;
  for (Watcher* watcher : waiting) watcher->onMonitorRefused(line);
}

void Monitors::tick() {
  host_.touch();
  if (waiting_.empty()) return;
  refreshTopology_();
  const auto waiting = waiting_;
  for (Watcher* watcher : waiting) watcher->onWaiting();
  if (!waiting_.empty()) timer_->start(kTick);
}

void Monitors::flush() {
  for (std::size_t i = 0; i < sources_.size(); ++i) sources_[i]->flush();
  std::erase_if(sources_, [](const auto& source) { return source->retired; });
}

}  // namespace slotless::pubsub
