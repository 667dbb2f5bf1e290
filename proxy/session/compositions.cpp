#include "proxy/session/compositions.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/key_extraction.h"
#include "proxy/routing/sort_stages.h"
#include "proxy/routing/special_merges.h"
#include "proxy/session/acl_log_command.h"
#include "proxy/session/info.h"
#include "proxy/session/publishing.h"
#include "proxy/session/script_exists.h"
#include "proxy/session/server_settings.h"
#include "proxy/session/setting_changes.h"

namespace slotless::session {

using protocol::Argv;
using protocol::CommandSpec;
using protocol::Handling;
using routing::Plan;

namespace {

bool planDebug(Services& services, Argv argv, Plan& plan) {
  std::vector<std::uint32_t> positions;
  const CommandSpec* spec = services.commands->find("debug");
  if (spec == nullptr || argv.size() < 2) return false;
  if (protocol::keyPositions(*spec, argv, positions) == protocol::KeyResult::Ok && !positions.empty()) {
    plan.clear();
    plan.kind = Plan::Kind::OneSlot;
    plan.slot = protocol::slotOf(argv[positions.front()]);
    return true;
  }
  if (!protocol::equalsIgnoringCase(argv[1], "digest")) return false;
  plan.clear();
  plan.kind = Plan::Kind::EachNode;
  plan.merge = routing::specialMergeOf("debug|digest");
  return true;
}

bool planSort(Services& services, Argv argv, Plan& plan) {
  return services.config.crossSlot == config::CrossSlot::Emulate &&
         routing::planSortStages(argv, routing::SortStore::Allowed, plan);
}

bool planSortReadOnly(Services& services, Argv argv, Plan& plan) {
  return services.config.crossSlot == config::CrossSlot::Emulate &&
         routing::planSortStages(argv, routing::SortStore::Refused, plan);
}

struct Composition {
  std::string_view command;
  bool (*plan)(Services&, Argv, Plan&);
};
constexpr Composition kCompositions[] = {
    {"acl|log", planAclLog},
    {"config|get", planConfigGet},
    {"config|resetstat", planConfigResetStat},
    {"config|set", planConfigSet},
    {"debug", planDebug},
    {"info", planInfo},
    {"publish", planPublish},
    {"pubsub|channels", planChannels},
    {"pubsub|numpat", planNumPat},
    {"pubsub|numsub", planNumSub},
    {"pubsub|shardnumsub", planShardNumSub},
    {"script|exists", planScriptExists},
    {"sort", planSort},
    {"sort_ro", planSortReadOnly},
    {"spublish", planShardPublish},
};

}  // namespace

bool planComposition(Services& services, const CommandSpec& spec, Argv argv, Plan& plan) {
  // All others cost no search.
  const bool composed = spec.handling == Handling::FanOut || spec.handling == Handling::Admin ||
                        spec.has(protocol::kPubSub) || spec.namesKeysByPattern;
  if (!composed) return false;
  const auto* found = std::find_if(std::begin(kCompositions), std::end(kCompositions),
                                   [&](const Composition& each) { return each.command == spec.name; });
  return found != std::end(kCompositions) && found->plan(services, argv, plan);
}

}  // namespace slotless::session
