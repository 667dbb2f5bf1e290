#include "proxy/dispatch/busy_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/dispatch/context.h"
#include "proxy/dispatch/request.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

constexpr net::Millis kTick{20};
// A request without a reply for that long may be behind a script, or one itself.
constexpr net::Millis kSlow{100};
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

bool isBusy(std::string_view line) {
  return line.starts_with("-BUSY ");
}

}  // namespace

class BusyWatch::Probe final : public upstream::Exchange {
 public:
  Probe(BusyWatch& owner, net::Address node) : owner_(owner), node_(std::move(node)) {}

  bool done() const noexcept { return !open_ && !busy_; }
  // A question that is under way is still waited for, but what it says of a busy node is from before.
  void end() {
    outdated_ = open_;
    if (std::exchange(busy_, false)) owner_.announce(node_, {});
  }
  void send() {
    const Context& context = owner_.context_;
    const auto node = context.links.topology().find(node_);
    if (open_) return;
    if (!node) return settle({});
    upstream::Link& link = context.links.urgentLinkTo(*node);
    if (!link.up()) settle({});  // a node that is gone keeps nobody waiting by a script
    if (!link.ready()) return;
    open_ = true;
    link.send(*this, kPing, upstream::Front::None);
  }

 private:
  void onReply(std::string_view, bool last) override {
    if (last) settle({});
  }
  void onErrorReply(std::string_view line, const upstream::SentRequest&) override {
    settle(isBusy(line) && !outdated_ ? line.substr(1, line.size() - 3) : std::string_view{});
  }
  void onLost(upstream::Loss, const upstream::SentRequest&) override { settle({}); }

  void settle(std::string_view line) {
    open_ = outdated_ = false;
    if (busy_ == !line.empty()) return;
    busy_ = !line.empty();
    owner_.announce(node_, line);
  }

  BusyWatch& owner_;
  const net::Address node_;
  bool open_ = false;
  bool outdated_ = false;
  bool busy_ = false;
};

BusyWatch::BusyWatch(Context& context, TellOthers tellOthers)
    : context_(context),
      tellOthers_(std::move(tellOthers)),
      timer_(context.host.loop.makeTimer([this] { tick(); })) {}

BusyWatch::~BusyWatch() = default;

void BusyWatch::startTicking() {
  if (context_.config.scriptBusy == config::ScriptBusy::Node) return;
  ticking_ = true;
  timer_->start(kTick);
}

void BusyWatch::judgeReply(const Leg& leg) {
  const protocol::CommandSpec* spec = leg.request->spec;
  if (leg.link == nullptr || spec == nullptr || spec->has(protocol::kAllowBusy)) return;
  endAt(leg.link->node());
}

// Some errors a busy node tells, too, and others are told before it looks whether it is busy; but at once.
// What has waited for so long was behind a script, or is one that has been killed.
void BusyWatch::judgeError(const Leg& leg, std::string_view line) {
  if (!isBusy(line) && seemsStuck(leg)) endAt(leg.link->node());
}

bool BusyWatch::seemsStuck(const Leg& leg) const {
  // Who blocks waits for something else.
  return leg.state == LegState::Sent && leg.link != nullptr &&
         leg.request->lease != upstream::LeaseUse::Blocking && context_.host.now - leg.sentAt >= kSlow;
}

void BusyWatch::endAt(const net::Address& node) {
  if (!forget(node)) return;
  tellOthers_([node](BusyWatch& there) { there.forget(node); });
}

// Whoever has said that the node is busy takes it back itself: its word may still be on its way to others.
bool BusyWatch::forget(const net::Address& node) {
  const auto probe = probes_.find(node);
  if (probe != probes_.end()) probe->second->end();
  return std::erase_if(busy_, [&](const Place& place) { return place.second == node; }) > 0;
}

void BusyWatch::tick() {
  context_.host.touch();
  probeSlowNodes();
  for (const auto& [node, probe] : probes_) probe->send();
  std::erase_if(probes_, [](const auto& each) { return each.second->done(); });
  ticking_ = false;
  if (!probes_.empty() || context_.requests.inUse() > 0) startTicking();
}

void BusyWatch::probeSlowNodes() {
  if (context_.config.scriptBusy == config::ScriptBusy::Node) return;
  context_.requests.countOpen([this](const Request& request) {
    for (std::size_t i = 0; i < request.legCount(); ++i) {
      const Leg& leg = request.leg(i);
      if (!seemsStuck(leg)) continue;
      std::unique_ptr<Probe>& probe = probes_[leg.link->node()];
      if (probe == nullptr) probe = std::make_unique<Probe>(*this, leg.link->node());
    }
    return false;
  });
}

void BusyWatch::announce(const net::Address& node, std::string_view line) {
  if (!line.empty()) log::warn("script keeps a node busy", {{"node", node.text()}});
  const Place place(this, node);
  const std::string text(line);
  mark(place, text);
  // This worker knows, and may know better by the time that the others hear of it.
  tellOthers_([place, text](BusyWatch& there) { there.mark(place, text); });
}

void BusyWatch::mark(const Place& place, const std::string& line) {
  if (line.empty()) {
    busy_.erase(place);
  } else {
    busy_.insert(place);
    line_ = line;
  }
}

}  // namespace slotless::session
