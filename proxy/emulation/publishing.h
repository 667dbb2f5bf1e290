// PUBLISH and PUBSUB through the proxy: the nodes' numbers without the workers' own subscriptions, with their
// clients.
#pragma once
#include <string>
#include <string_view>

#include "protocol/argv.h"
#include "protocol/slot.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

struct PlanContext;

// For the table of compositions.
bool planPublish(PlanContext& context, protocol::Argv argv, routing::Plan& plan);
bool planShardPublish(PlanContext& context, protocol::Argv argv, routing::Plan& plan);
bool planChannels(PlanContext& context, protocol::Argv argv, routing::Plan& plan);
bool planShardChannels(PlanContext& context, protocol::Argv argv, routing::Plan& plan);
bool planNumPat(PlanContext& context, protocol::Argv argv, routing::Plan& plan);
bool planNumSub(PlanContext& context, protocol::Argv argv, routing::Plan& plan);
bool planShardNumSub(PlanContext& context, protocol::Argv argv, routing::Plan& plan);

// PUBLISH's reply from the master of `slot`, as one Redis would give it: for EXEC. Errors are passed on.
void appendPublished(const PlanContext& context, std::string_view channel, protocol::Slot slot,
                     std::string_view reply, std::string& out);

}  // namespace slotless::session
