#include "proxy/commands/unchanged_settings.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/commands/server_settings.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

using routing::PartReply;
using routing::Plan;

namespace {

class IfUnchanged final : public routing::Composer {
 public:
  IfUnchanged(std::unique_ptr<routing::Composer> told, std::vector<Unchanged> wanted, Plan then)
      : told_(std::move(told)), wanted_(std::move(wanted)), then_(std::move(then)) {}

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (asked_) return false;
    asked_ = true;
    std::string told;
    if (!told_->compose(parts, told)) {
      error_ = told;
      return false;
    }
    for (const Unchanged& each : wanted_) {
      if (!error_.empty() || isTold(each, told)) continue;
      protocol::appendError(error_, each.objection);
    }
    if (!error_.empty() || !goesOn()) return false;
    plan.clear();
    plan.kind = then_.kind;
    plan.replicas = then_.replicas;
    plan.rewritten = then_.rewritten;
    plan.staged = true;
    return true;
  }

  bool isLastStage() const override { return asked_; }
  bool canForgo() const override { return true; }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    if (error_.empty()) return then_.composer->compose(goesOn() ? parts : std::span<const PartReply>(), out);
    out += error_;
    return false;
  }

 private:
  bool goesOn() const noexcept { return then_.kind == Plan::Kind::EachNode; }

  static bool isTold(const Unchanged& wanted, std::string_view told) {
    const auto pairs = routing::pairsOf(told).value_or(routing::ReplyPairs{});
    return std::any_of(pairs.begin(), pairs.end(), [&](const auto& pair) {
      const auto name = routing::textOf(pair.first);
      return name && protocol::equalsIgnoringCase(*name, wanted.name) &&
             routing::textOf(pair.second) == wanted.value;
    });
  }

  const std::unique_ptr<routing::Composer> told_;
  const std::vector<Unchanged> wanted_;
  const Plan then_;
  bool asked_ = false;
  std::string error_;
};

}  // namespace

void planIfUnchanged(Services& services, std::vector<Unchanged> wanted, Plan then, Plan& plan) {
  std::vector<std::string_view> words{"CONFIG", "GET"};
  for (const Unchanged& each : wanted) words.emplace_back(each.name);
  planConfigGet(services, words, plan);
  plan.staged = true;
  protocol::appendRequest(plan.rewritten, words);
  plan.composer = std::make_unique<IfUnchanged>(std::move(plan.composer), std::move(wanted), std::move(then));
}

}  // namespace slotless::session
