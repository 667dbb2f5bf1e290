#include "proxy/emulation/compositions.h"

#include <algorithm>
#include <optional>
#include <string>

#include "config/upstream.h"
#include "protocol/ascii.h"
#include "protocol/key_extraction.h"
#include "proxy/databases/reserved_keys.h"
#include "proxy/emulation/info.h"
#include "proxy/emulation/publishing.h"
#include "proxy/emulation/script_exists.h"
#include "proxy/routing/first_of_several.h"
#include "proxy/routing/keys_and_path.h"
#include "proxy/routing/list_move.h"
#include "proxy/routing/member_move.h"
#include "proxy/routing/several_values.h"
#include "proxy/routing/shipment.h"
#include "proxy/routing/sort_stages.h"
#include "proxy/routing/special_merges.h"
#include "proxy/routing/stream_reads.h"
#include "proxy/translation/one_at_a_time.h"

namespace slotless::session {

using protocol::Argv;
using protocol::CommandSpec;
using protocol::Handling;
using routing::Plan;

namespace {

// DEBUG ERROR text. Source: Redis 7.0 debug.c debugCommand().
std::optional<std::string_view> errorToSay(Argv argv) {
  if (argv.size() != 3 || !protocol::equalsIgnoringCase(argv[1], "error")) return std::nullopt;
  return argv[2];
}

// Subcommands about no data, of which the servers' answers are the same.
bool concernsNoNode(std::string_view subcommand) {
  static constexpr std::string_view kSuch[] = {"protocol", "help", "stringmatch-len"};
  return std::any_of(std::begin(kSuch), std::end(kSuch),
                     [&](std::string_view each) { return protocol::equalsIgnoringCase(subcommand, each); });
}

bool planDebug(PlanContext& context, Argv argv, Plan& plan) {
  if (const auto wanted = errorToSay(argv)) {
    plan.clear();
    plan.error = *wanted;
    return true;
  }
  if (config::servesOneServer(context.config)) return false;
  std::vector<std::uint32_t> positions;
  const CommandSpec* spec = context.commands->find("debug");
  if (spec == nullptr || argv.size() < 2) return false;
  if (protocol::keyPositions(*spec, argv, positions) == protocol::KeyResult::Ok && !positions.empty()) {
    plan.clear();
    plan.kind = Plan::Kind::OneSlot;
    plan.slot = protocol::slotOf(argv[positions.front()]);
    const bool areTogether = std::all_of(positions.begin(), positions.end(), [&](std::uint32_t position) {
      return protocol::slotOf(argv[position]) == plan.slot;
    });
    if (!areTogether) routing::planKeysInOrder(argv, positions, plan);
    return true;
  }
  if (concernsNoNode(argv[1])) {
    plan.clear();
    plan.kind = Plan::Kind::AnyNode;
    return true;
  }
  if (!protocol::equalsIgnoringCase(argv[1], "digest")) return false;
  plan.clear();
  plan.kind = Plan::Kind::EachNode;
  plan.merge = routing::specialMergeOf("debug|digest");
  return true;
}

bool emulatesSort(const PlanContext& context) {
  return context.config.crossSlot == config::CrossSlot::Emulate && !config::servesOneServer(context.config);
}

// Elements lead to any key, also to those that a client may not name: of other databases.
routing::SortNaming nameableOnly(const PlanContext& context) {
  return [&databases = context.databases](std::string_view key) -> std::optional<std::string> {
    if (!databases::keyObjection(databases, key).empty()) return std::nullopt;
    return std::string(key);
  };
}

bool planSort(PlanContext& context, Argv argv, Plan& plan) {
  return emulatesSort(context) &&
         routing::planSortStages(argv, routing::SortStore::Allowed, plan, nameableOnly(context));
}

bool planSortReadOnly(PlanContext& context, Argv argv, Plan& plan) {
  return emulatesSort(context) &&
         routing::planSortStages(argv, routing::SortStore::Refused, plan, nameableOnly(context));
}

struct Composition {
  std::string_view command;
  bool (*plan)(PlanContext&, Argv, Plan&);
};
constexpr Composition kCompositions[] = {
    {"debug", planDebug},
    {"info", planInfo},
    {"publish", planPublish},
    {"pubsub|channels", planChannels},
    {"pubsub|numpat", planNumPat},
    {"pubsub|numsub", planNumSub},
    {"pubsub|shardchannels", planShardChannels},
    {"pubsub|shardnumsub", planShardNumSub},
    {"script|exists", planScriptExists},
    {"sort", planSort},
    {"sort_ro", planSortReadOnly},
    {"spublish", planShardPublish},
};

// What changes two keys by a part of their values. Of those that move the same member one begins when the
// other one is over: between other pairs of sets they could lose it.
bool planMemberMove(PlanContext& context, Argv argv, Plan& plan) {
  const std::vector<std::string> words(argv.begin(), argv.end());
  const std::string member = words[3] + '\0';
  const auto begin = [words](Plan& first) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    routing::planMemberMove(views, first);
  };
  planOneAtATime(context, {member + words[1], member + words[2]}, begin, plan);
  return true;
}

bool planListMove(PlanContext&, Argv argv, Plan& plan) {
  if (auto move = routing::makeListMove(argv, plan.protocol)) {
    routing::planOnce(std::move(move), plan);
  } else {
    plan.error = "ERR syntax error";
  }
  return true;
}

struct Move {
  std::string_view command;
  bool (*plan)(PlanContext&, Argv, Plan&);
};
constexpr Move kMoves[] = {
    {"lmove", planListMove},
    {"rpoplpush", planListMove},
    {"smove", planMemberMove},
};

bool planMove(PlanContext& context, const CommandSpec& spec, Argv argv, Plan& plan) {
  const auto* found = std::find_if(std::begin(kMoves), std::end(kMoves),
                                   [&](const Move& each) { return each.command == spec.name; });
  return found != std::end(kMoves) && found->plan(context, argv, plan);
}

}  // namespace

std::optional<std::string_view> errorAskedFor(const CommandSpec& spec, Argv argv) {
  return spec.name == "debug" ? errorToSay(argv) : std::nullopt;
}

bool planComposition(PlanContext& context, const CommandSpec& spec, Argv argv, Plan& plan) {
  if (!isComposed(spec)) return false;
  const auto* found = std::find_if(std::begin(kCompositions), std::end(kCompositions),
                                   [&](const Composition& each) { return each.command == spec.name; });
  return found != std::end(kCompositions) && found->plan(context, argv, plan);
}

std::optional<CrossSlotKind> planCrossSlot(PlanContext& context, const CommandSpec& spec, Argv argv,
                                           std::unique_ptr<routing::Composer>& names, Plan& plan) {
  if (context.config.crossSlot != config::CrossSlot::Emulate) return std::nullopt;
  if (routing::planFirstOfSeveral(spec, argv, names, plan)) return CrossSlotKind::First;
  if (!protocol::hasSessionKeyword(spec, argv)) {
    if (auto streams = routing::makeStreamReads(spec, argv, {plan.protocol}, names)) {
      routing::planOnce(std::move(streams), plan);
      return CrossSlotKind::Streams;
    }
  }
  if (names != nullptr) return std::nullopt;
  if (routing::planKeysAndPath(spec, argv, plan)) return CrossSlotKind::Read;
  if (planMove(context, spec, argv, plan)) return CrossSlotKind::Moved;
  if (routing::planSeveralValues(spec, argv, plan)) return CrossSlotKind::AllOrNone;
  auto shipment = routing::shipmentOf(spec, argv);
  if (!shipment) return std::nullopt;
  const CrossSlotKind kind = shipment->written ? CrossSlotKind::Stored : CrossSlotKind::Computed;
  routing::planShipment(std::move(*shipment), argv, context.config.crossSlotMaxBytes, plan);
  return kind;
}

}  // namespace slotless::session
