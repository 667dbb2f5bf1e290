#include "proxy/routing/keys_and_path.h"

#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/key_extraction.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/prepared_request.h"

namespace slotless::routing {

namespace {

constexpr std::string_view kCommand = "json.mget";

struct SlotsKeys {
  std::vector<std::uint32_t> ordinals;
  std::vector<std::string_view> words;
};

// The parts' elements in the order of the keys.
class PathComposer final : public Composer {
 public:
  explicit PathComposer(std::vector<std::vector<std::uint32_t>> ordinals) : ordinals_(std::move(ordinals)) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    std::vector<PartReply> ordered;
    for (std::size_t i = 0; i < parts.size(); ++i) ordered.push_back({parts[i].bytes, ordinals_[i]});
    return mergeReplies(Merge::Interleave, ordered, out);
  }

 private:
  const std::vector<std::vector<std::uint32_t>> ordinals_;  // of each part's keys
};

}  // namespace

void planKeysInOrder(protocol::Argv argv, std::span<const std::uint32_t> positions, Plan& plan) {
  const protocol::Argv before = argv.first(positions.front());
  const protocol::Argv behind = argv.subspan(positions.back() + 1);
  std::map<protocol::Slot, SlotsKeys> slots;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const std::string_view key = argv[positions[i]];
    SlotsKeys& slot = slots[protocol::slotOf(key)];
    slot.ordinals.push_back(static_cast<std::uint32_t>(i));
    slot.words.push_back(key);
  }
  plan.clear();
  plan.kind = Plan::Kind::Prepared;
  std::vector<std::vector<std::uint32_t>> ordinals;
  for (auto& [slot, keys] : slots) {
    keys.words.insert(keys.words.begin(), before.begin(), before.end());
    keys.words.insert(keys.words.end(), behind.begin(), behind.end());
    addPart(plan, slot, keys.words);
    ordinals.push_back(std::move(keys.ordinals));
  }
  plan.composer = std::make_unique<PathComposer>(std::move(ordinals));
}

bool planKeysAndPath(const protocol::CommandSpec& spec, protocol::Argv argv, Plan& plan) {
  std::vector<std::uint32_t> positions;
  if (spec.name != kCommand || protocol::keyPositions(spec, argv, positions) != protocol::KeyResult::Ok)
    return false;
  planKeysInOrder(argv, positions, plan);
  return true;
}

}  // namespace slotless::routing
