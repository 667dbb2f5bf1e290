#include "proxy/emulation/publishing.h"

#include <algorithm>

#include "protocol/encoder.h"
#include "proxy/emulation/asker.h"
#include "proxy/emulation/plan_context.h"
#include "proxy/pubsub/census.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

using pubsub::Census;
using pubsub::TopicKind;
using routing::PartReply;
using routing::Plan;

namespace {

const net::Address& masterOf(const PlanContext& context, protocol::Slot slot) {
  static const net::Address nobody;
  const cluster::Topology& topology = context.links.topology();
  const cluster::NodeIndex owner = slot == protocol::kNoSlot ? cluster::kNoNode : topology.owners[slot];
  return owner == cluster::kNoNode ? nobody : topology.nodes[owner].address;
}

// What the nodes have counted beyond the workers' subscriptions are other clients of the cluster.
std::int64_t corrected(std::int64_t counted, std::int64_t upstream, std::int64_t listeners) {
  return std::max<std::int64_t>(0, counted - upstream) + listeners;
}

class PublishComposer final : public routing::Composer {
 public:
  PublishComposer(const PlanContext& context, TopicKind kind, std::string_view channel)
      : context_(context), kind_(kind), channel_(channel), before_(reached()) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    const auto counted = routing::integerOf(parts.front().bytes);
    if (!counted) {
      out += parts.front().bytes;
      return !routing::isErrorReply(parts.front().bytes);
    }
    const Census::Count now = reached();
    // A client that has begun to leave meanwhile still gets the message.
    const std::int64_t left = std::max<std::int64_t>(0, now.departures - before_.departures);
    // A subscription may have come or gone meanwhile: whether the node has counted it is unknown.
    protocol::appendInteger(
        out, corrected(*counted, std::max(before_.upstream, now.upstream), now.listeners + left));
    return true;
  }

 private:
  Census::Count reached() const {
    const net::Address& node = masterOf(context_, protocol::slotOf(channel_));
    const Census& census = context_.hub.census();
    return kind_ == TopicKind::Shard ? census.reachedByShard(channel_, node)
                                     : census.reachedBy(channel_, node);
  }

  const PlanContext& context_;
  const TopicKind kind_;
  const std::string channel_;
  const Census::Count before_;
};

class NumSubComposer final : public routing::Composer {
 public:
  NumSubComposer(const PlanContext& context, TopicKind kind, protocol::Argv channels)
      : context_(context), kind_(kind), channels_(channels.begin(), channels.end()) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    std::string merged;
    const bool good = routing::mergeReplies(routing::Merge::SumByName, parts, merged);
    const auto pairs = good ? routing::pairsOf(merged) : std::nullopt;
    if (!pairs || pairs->size() != channels_.size()) {
      out += merged;
      return good;
    }
    routing::appendPairsHeaderLike(out, merged, pairs->size());
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      const Census::Count own = context_.hub.census().of(kind_, channels_[i]);
      out += (*pairs)[i].first;
      protocol::appendInteger(
          out, corrected(routing::integerOf((*pairs)[i].second).value_or(0), own.upstream, own.listeners));
    }
    return true;
  }

 private:
  const PlanContext& context_;
  const TopicKind kind_;
  const std::vector<std::string> channels_;
};

// Patterns are counted once, however many clients have them; those that are subscribed to at every master are
// there several times, and some of the workers' own are no client's.
class NumPatComposer final : public routing::Composer {
 public:
  explicit NumPatComposer(const PlanContext& context) : context_(context) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    std::string merged;
    const bool good = routing::mergeReplies(routing::Merge::Sum, parts, merged);
    const auto sum = good ? routing::integerOf(merged) : std::nullopt;
    if (sum) {
      protocol::appendInteger(out, corrected(*sum, context_.hub.census().excessPatterns(), 0));
    } else {
      out += merged;
    }
    return good;
  }

 private:
  const PlanContext& context_;
};

// Without those that only workers are subscribed to, for keyspace notifications of mapped databases, and
// those that the client's user may not hear.
class ChannelsComposer final : public routing::Composer {
 public:
  ChannelsComposer(const PlanContext& context, TopicKind kind)
      : context_(context), kind_(kind), user_(context.asker->restrictedUser()) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    std::string merged;
    const bool good = routing::mergeReplies(routing::Merge::Union, parts, merged);
    auto channels = good ? routing::elementsOf(merged) : std::nullopt;
    if (!channels) {
      out += merged;
      return good;
    }
    std::erase_if(*channels, [this](std::string_view channel) {
      const std::string_view name = routing::textOf(channel).value_or("");
      return (user_ != nullptr && !mayHear(*user_, name)) ||
             (kind_ == TopicKind::Channel && !context_.hub.census().isOfClients(kind_, name));
    });
    protocol::appendArrayHeader(out, channels->size());
    for (const std::string_view channel : *channels) out += channel;
    return true;
  }

 private:
  const PlanContext& context_;
  const TopicKind kind_;
  const access::UserPtr user_;  // nullptr: may hear of all
};

bool planToMaster(PlanContext& context, TopicKind kind, std::string_view channel, Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::OneSlot;
  plan.slot = protocol::slotOf(channel);
  plan.composer = std::make_unique<PublishComposer>(context, kind, channel);
  return true;
}

bool planToAll(std::unique_ptr<routing::Composer> composer, Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::EachNode;
  plan.composer = std::move(composer);
  return true;
}

}  // namespace

bool planPublish(PlanContext& context, protocol::Argv argv, Plan& plan) {
  return planToMaster(context, TopicKind::Channel, argv[1], plan);
}

bool planShardPublish(PlanContext& context, protocol::Argv argv, Plan& plan) {
  return planToMaster(context, TopicKind::Shard, argv[1], plan);
}

bool planChannels(PlanContext& context, protocol::Argv, Plan& plan) {
  return (context.databases.anyMapped() || context.asker->restrictedUser() != nullptr) &&
         planToAll(std::make_unique<ChannelsComposer>(context, TopicKind::Channel), plan);
}

bool planShardChannels(PlanContext& context, protocol::Argv, Plan& plan) {
  return context.asker->restrictedUser() != nullptr &&
         planToAll(std::make_unique<ChannelsComposer>(context, TopicKind::Shard), plan);
}

bool planNumPat(PlanContext& context, protocol::Argv, Plan& plan) {
  return planToAll(std::make_unique<NumPatComposer>(context), plan);
}

bool planNumSub(PlanContext& context, protocol::Argv argv, Plan& plan) {
  return planToAll(std::make_unique<NumSubComposer>(context, TopicKind::Channel, argv.subspan(2)), plan);
}

bool planShardNumSub(PlanContext& context, protocol::Argv argv, Plan& plan) {
  return planToAll(std::make_unique<NumSubComposer>(context, TopicKind::Shard, argv.subspan(2)), plan);
}

void appendPublished(const PlanContext& context, std::string_view channel, protocol::Slot slot,
                     std::string_view reply, std::string& out) {
  const auto counted = routing::integerOf(reply);
  if (!counted) {
    out += reply;
    return;
  }
  const Census::Count own = context.hub.census().reachedBy(channel, masterOf(context, slot));
  protocol::appendInteger(out, corrected(*counted, own.upstream, own.listeners));
}

}  // namespace slotless::session
