#include "proxy/commands/event_setting.h"

#include <string>

#include "config/upstream.h"
#include "protocol/encoder.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/services.h"

namespace slotless::session {

using routing::PartReply;
using routing::Plan;

namespace {

class MoreEvents final : public routing::Composer {
 public:
  MoreEvents(Services& services, std::string_view events) : services_(services) {
    for (const char event : events) add(event);
  }

  void ask(Plan& plan) const { toAll(plan, {"CONFIG", "GET", kEventSetting}); }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (setting_ || routing::appendFirstError(parts, error_)) return false;
    for (const PartReply& part : parts) {
      const auto pairs = routing::pairsOf(part.bytes);
      const auto set = pairs && pairs->size() == 1 ? routing::textOf(pairs->front().second) : std::nullopt;
      for (const char event : set.value_or("")) add(event);
    }
    setting_ = true;
    toAll(plan, {"CONFIG", "SET", kEventSetting, all_});
    return true;
  }

  bool isLastStage() const override { return setting_; }
  bool canForgo() const override { return true; }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    if (routing::appendFirstError(parts, out)) return false;
    const cluster::Topology& topology = services_.links.topology();
    const bool byAll = parts.size() >= topology.nodes.size();
    services_.control.rememberSettings({{std::string(kEventSetting), all_}}, topology.version,
                                       byAll ? Control::Taken::ByAll : Control::Taken::BySome);
    protocol::appendSimple(out, "OK");
    return true;
  }

 private:
  // What a node would refuse stays in it, for the node to word the error.
  void add(char event) {
    if (all_.find(event) == std::string::npos) all_ += event;
  }

  void toAll(Plan& plan, const std::vector<std::string_view>& words) const {
    plan.clear();
    plan.kind = Plan::Kind::EachNode;
    plan.replicas = !config::servesOneServer(services_.config);
    plan.staged = true;
    protocol::appendRequest(plan.rewritten, words);
  }

  Services& services_;
  std::string all_;
  std::string error_;
  bool setting_ = false;
};

}  // namespace

void planMoreEvents(Services& services, std::string_view events, Plan& plan) {
  auto composer = std::make_unique<MoreEvents>(services, events);
  composer->ask(plan);
  plan.composer = std::move(composer);
}

}  // namespace slotless::session
