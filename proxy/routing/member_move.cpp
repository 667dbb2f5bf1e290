#include "proxy/routing/member_move.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/encoder.h"
#include "protocol/slot.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

namespace {

constexpr std::string_view kNoSet = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

class MemberMove final : public Composer {
 public:
  explicit MemberMove(protocol::Argv argv) : source_(argv[1]), destination_(argv[2]), member_(argv[3]) {}

  void look(Plan& plan) {
    step_ = Step::Look;
    askOwner(plan, source_, {"SISMEMBER", source_, member_}, false);
    addPart(plan, protocol::slotOf(destination_), {"TYPE", destination_});
    plan.reads = plan.fromMasters = true;
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    const bool failed = std::any_of(parts.begin(), parts.end(),
                                    [](const PartReply& part) { return isErrorReply(part.bytes); });
    if (failed) return false;
    const bool changed = integerOf(parts.front().bytes) == 1;
    switch (step_) {
      case Step::Look:
        if (!isSet(parts.back().bytes)) return !changed && askForSource(plan);
        return changed && go(Step::Add, "SADD", destination_, plan);
      case Step::Add:
        isNew_ = changed;
        // It may be there for a moment only, since somebody else is moving it.
        if (!isNew_ && ++looks_ < kMostLooks) return lookAgain(plan);
        return go(Step::Remove, "SREM", source_, plan);
      case Step::Remove: return !changed && isNew_ && go(Step::Undo, "SREM", destination_, plan);
      case Step::Undo:
      case Step::Source: return false;
    }
    return false;
  }
  bool isLastStage() const override { return step_ == Step::Undo || step_ == Step::Source; }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    for (const PartReply& part : parts) {
      if (!isErrorReply(part.bytes)) continue;
      out += part.bytes;
      return false;
    }
    if ((step_ == Step::Look || step_ == Step::Source) && integerOf(parts.front().bytes) == 1) {
      out += kNoSet;
      return false;
    }
    protocol::appendInteger(out, step_ == Step::Remove && integerOf(parts.front().bytes) == 1 ? 1 : 0);
    return true;
  }

 private:
  enum class Step : std::uint8_t { Look, Source, Add, Remove, Undo };

  static constexpr int kMostLooks = 5;

  bool lookAgain(Plan& plan) {
    look(plan);
    return true;
  }

  // The type of the destination is looked at only where there is a source.
  bool askForSource(Plan& plan) {
    step_ = Step::Source;
    askOwner(plan, source_, {"EXISTS", source_}, false);
    plan.reads = plan.fromMasters = true;
    return true;
  }

  static bool isSet(std::string_view type) {
    const auto name = textOf(type);
    return name == "set" || name == "none";
  }
  bool go(Step step, std::string_view command, std::string_view key, Plan& plan) {
    step_ = step;
    askOwner(plan, key, {command, key, member_}, true);
    return true;
  }

  const std::string source_;
  const std::string destination_;
  const std::string member_;
  Step step_ = Step::Look;
  int looks_ = 0;
  bool isNew_ = false;  // it was not at its destination before
};

}  // namespace

void planMemberMove(protocol::Argv argv, Plan& plan) {
  auto composer = std::make_unique<MemberMove>(argv);
  composer->look(plan);
  plan.composer = std::move(composer);
}

}  // namespace slotless::routing
