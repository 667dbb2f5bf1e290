#include "proxy/emulation/script_exists.h"

#include "protocol/encoder.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

namespace {

class ExistsComposer final : public routing::Composer {
 public:
  explicit ExistsComposer(std::vector<bool> known) : known_(std::move(known)) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    std::string merged;
    const bool good = routing::mergeReplies(routing::Merge::LogicalAnd, parts, merged);
    const auto everywhere = good ? routing::elementsOf(merged) : std::nullopt;
    if (!everywhere || everywhere->size() != known_.size()) {
      out += merged;
      return good;
    }
    protocol::appendArrayHeader(out, known_.size());
    for (std::size_t i = 0; i < known_.size(); ++i) {
      const bool exists = known_[i] || routing::integerOf((*everywhere)[i]).value_or(0) != 0;
      protocol::appendInteger(out, exists ? 1 : 0);
    }
    return true;
  }
  bool canForgo() const override { return true; }

 private:
  const std::vector<bool> known_;
};

}  // namespace

bool planScriptExists(PlanContext& context, protocol::Argv argv, routing::Plan& plan) {
  plan.clear();
  plan.kind = routing::Plan::Kind::EachNode;
  std::vector<bool> known;
  for (std::size_t i = 2; i < argv.size(); ++i) known.push_back(context.scripts.find(argv[i]) != nullptr);
  plan.composer = std::make_unique<ExistsComposer>(std::move(known));
  return true;
}

}  // namespace slotless::session
