#include "proxy/translation/alternatives.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "proxy/dispatch/asked_nodes.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

using routing::PartReply;
using routing::Plan;
using telemetry::Deniable;

namespace {

class Alternatives final : public routing::Composer {
 public:
  Alternatives(Context& context, std::string_view command, std::vector<Way> ways, int protocol,
               std::unique_ptr<routing::Composer> common)
      : context_(context),
        denials_(*context.denialsAtHand),
        command_(command),
        ways_(std::move(ways)),
        protocol_(protocol),
        common_(std::move(common)) {}

  // Of the ways that have not been tried, those first that are not known to be denied.
  void begin(Plan& plan) {
    std::stable_partition(ways_.begin() + static_cast<std::ptrdiff_t>(at_), ways_.end(),
                          [this](const Way& way) { return !isAvoided(way); });
    start(plan);
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (note(parts) && !ways_[at_].takesDenials) {
      if (at_ + 1 == ways_.size()) return false;
      ++at_;
      begin(plan);
      return true;
    }
    if (!staged_ || inner_ == nullptr || !inner_->goOn(parts, plan)) return false;
    if (plan.kind != Plan::Kind::Nobody) asked_ = askedNodes(context_.links, plan);
    later_ = true;
    return true;
  }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    if (!denial_.empty() && !ways_[at_].takesDenials) {
      appendRefusal(out);
      return false;
    }
    return inner_ != nullptr ? inner_->compose(parts, out) : routing::mergeReplies(merge_, parts, out);
  }
  routing::Merge merges() const override {
    return inner_ == nullptr && denial_.empty() ? merge_ : routing::Merge::None;
  }
  bool composesInPieces(std::span<const PartReply> parts) const override {
    return denial_.empty() && inner_ != nullptr && inner_->composesInPieces(parts);
  }
  Piece composePiece(std::span<const PartReply> parts, std::string& out, std::size_t elements) override {
    return inner_->composePiece(parts, out, elements);
  }
  bool isLastStage() const override { return inner_ == nullptr || inner_->isLastStage(); }
  bool canForgo() const override { return inner_ == nullptr || inner_->canForgo(); }

 private:
  bool isAvoided(const Way& way) const {
    const net::TimePoint now = context_.host.now;
    return denials_.avoids(way.what, now) || (way.within && denials_.avoids(*way.within, now));
  }

  void start(Plan& plan) {
    denial_.clear();
    later_ = false;
    plan.clear();
    plan.protocol = protocol_;
    ways_[at_].plan(plan);
    own_ = std::move(plan.composer);
    inner_ = own_ != nullptr ? own_.get() : common_.get();
    merge_ = plan.merge;
    staged_ = plan.staged;
    plan.staged = true;
    asked_ = askedNodes(context_.links, plan);
  }

  // True: a node denies what it was asked for, and another way may be tried.
  bool note(std::span<const PartReply> parts) {
    denial_.clear();
    const Way& way = ways_[at_];
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const net::Address node = parts.size() == asked_.size() ? asked_[i] : net::Address{};
      const std::string_view reply = parts[i].bytes;
      if (!routing::isErrorReply(reply)) {
        denials_.worked(way.later && later_ ? *way.later : way.what, node);
        if (way.within) denials_.worked(*way.within, node);
      } else if (protocol::isDenial(reply)) {
        const bool isWithin = way.within && protocol::isDenialInScript(reply);
        const bool isLate = way.later && later_;
        const Deniable what = isWithin ? *way.within : isLate ? *way.later : way.what;
        denials_.note(what, node, reply, context_.host.now);
        if (isWithin) denials_.worked(way.what, node);  // the script has been let in
        if (!isLate) denial_ = reply;
      }
    }
    return !denial_.empty();
  }

  // "NOPERM DBSIZE needs one of EVAL_RO, EVAL, SCAN, …"
  void appendRefusal(std::string& out) const {
    std::string_view last = denial_;
    last.remove_prefix(1);
    last = last.substr(0, last.find_first_of("\r\n"));
    std::string needs;
    for (const Way& way : ways_) {
      const std::string_view name = telemetry::factOf(way.what).name;
      needs += (needs.empty() ? "" : ", ") + std::string(name);
      if (way.within) needs += " with " + std::string(telemetry::factOf(*way.within).name);
    }
    protocol::appendError(out, "NOPERM " + std::string(command_) + " needs " +
                                   (ways_.size() > 1 ? "one of " : "") + needs +
                                   ", which the nodes deny to the proxy: " + std::string(last));
  }

  Context& context_;
  telemetry::Denials& denials_;
  const std::string command_;
  std::vector<Way> ways_;
  const int protocol_;
  std::size_t at_ = 0;
  const std::unique_ptr<routing::Composer> common_;
  std::unique_ptr<routing::Composer> own_;  // of the way that is being tried
  routing::Composer* inner_ = nullptr;      // that one, or the common one
  routing::Merge merge_ = routing::Merge::None;
  bool staged_ = false;
  bool later_ = false;  // than the first stage
  std::vector<net::Address> asked_;
  std::string denial_;
};

}  // namespace

void planAlternatives(Context& context, std::string_view command, std::vector<Way> ways, Plan& plan,
                      std::unique_ptr<routing::Composer> common) {
  auto composer =
      std::make_unique<Alternatives>(context, command, std::move(ways), plan.protocol, std::move(common));
  composer->begin(plan);
  plan.composer = std::move(composer);
}

void addScriptWays(std::vector<Way>& ways, bool hasEvalRo, Deniable within,
                   std::function<void(std::string_view eval, Plan&)> plan, std::optional<Deniable> later) {
  const auto add = [&](Deniable what, std::string_view eval) {
    ways.push_back({what, within, [plan, eval](Plan& next) { plan(eval, next); }, false, later});
  };
  if (hasEvalRo) add(Deniable::EvalRo, "EVAL_RO");
  add(Deniable::Eval, "EVAL");
}

}  // namespace slotless::session
