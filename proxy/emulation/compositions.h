// The commands that the proxy puts together itself out of what it asks nodes for: a table from name to plan.
#pragma once
#include <memory>
#include <optional>
#include <string_view>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/emulation/cross_slot_table.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct PlanContext;

// False for nearly all commands: they have no composition.
inline bool isComposed(const protocol::CommandSpec& spec) noexcept {
  using protocol::Handling;
  return spec.handling == Handling::FanOut || spec.handling == Handling::Admin ||
         spec.has(protocol::kPubSub) || spec.namesKeysByPattern;
}
// False: the command has no composition (or not with these arguments); the router makes the plan.
bool planComposition(PlanContext& context, const protocol::CommandSpec& spec, protocol::Argv argv,
                     routing::Plan& plan);

// The error that the client wants to be told (DEBUG ERROR), as it is; nullopt: it wants something else. It is
// never asked of a node: from there LOADING, READONLY and the like are about the node, and are waited for.
std::optional<std::string_view> errorAskedFor(const protocol::CommandSpec& spec, protocol::Argv argv);

// The router has refused these keys, since they are in several slots. The plan becomes another one, if there
// is a way; nullopt: there is none. `names`: makes the client's reply of a node's; nullptr: it is the node's.
// Taken by plans that see to it.
std::optional<CrossSlotKind> planCrossSlot(PlanContext& context, const protocol::CommandSpec& spec,
                                           protocol::Argv argv, std::unique_ptr<routing::Composer>& names,
                                           routing::Plan& plan);

}  // namespace slotless::session
