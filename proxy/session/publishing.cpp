#include "proxy/session/publishing.h"

#include <algorithm>

#include "protocol/encoder.h"
#include "proxy/pubsub/census.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/services.h"

namespace slotless::session {

using pubsub::Census;
using pubsub::TopicKind;
using routing::PartReply;
using routing::Plan;

namespace {

const net::Address& masterOf(const Services& services, protocol::Slot slot) {
  static const net::Address nobody;
  const cluster::Topology& topology = services.links.topology();
  const cluster::NodeIndex owner = slot == protocol::kNoSlot ? cluster::kNoNode : topology.owners[slot];
  return owner == cluster::kNoNode ? nobody : topology.nodes[owner].address;
}

// What the nodes have counted beyond the workers' subscriptions are other clients of the cluster.
std::int64_t corrected(std::int64_t counted, std::int64_t upstream, std::int64_t listeners) {
  return std::max<std::int64_t>(0, counted - upstream) + listeners;
}

class PublishComposer final : public routing::Composer {
 public:
  PublishComposer(const Services& services, TopicKind kind, std::string_view channel)
      : services_(services), kind_(kind), channel_(channel), upstreamBefore_(reached().upstream) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    const auto counted = routing::integerOf(parts.front().bytes);
    if (!counted) {
      out += parts.front().bytes;
      return !routing::isErrorReply(parts.front().bytes);
    }
    const Census::Count now = reached();
    // A subscription may have come or gone meanwhile: whether the node has counted it is unknown.
    protocol::appendInteger(out, corrected(*counted, std::max(upstreamBefore_, now.upstream), now.listeners));
    return true;
  }

 private:
  Census::Count reached() const {
    const net::Address& node = masterOf(services_, protocol::slotOf(channel_));
    const Census& census = services_.hub.census();
    return kind_ == TopicKind::Shard ? census.reachedByShard(channel_, node)
                                     : census.reachedBy(channel_, node);
  }

  const Services& services_;
  const TopicKind kind_;
  const std::string channel_;
  const std::int64_t upstreamBefore_;
};

class NumSubComposer final : public routing::Composer {
 public:
  NumSubComposer(const Services& services, TopicKind kind, protocol::Argv channels)
      : services_(services), kind_(kind), channels_(channels.begin(), channels.end()) {}

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
      const Census::Count own = services_.hub.census().of(kind_, channels_[i]);
      out += (*pairs)[i].first;
      protocol::appendInteger(
          out, corrected(routing::integerOf((*pairs)[i].second).value_or(0), own.upstream, own.listeners));
    }
    return true;
  }

 private:
  const Services& services_;
  const TopicKind kind_;
  const std::vector<std::string> channels_;
};

// Patterns are counted once, however many clients have them; those that are subscribed to at every master are
// there several times, and some of the workers' own are no client's.
class NumPatComposer final : public routing::Composer {
 public:
  explicit NumPatComposer(const Services& services) : services_(services) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    std::string merged;
    const bool good = routing::mergeReplies(routing::Merge::Sum, parts, merged);
    const auto sum = good ? routing::integerOf(merged) : std::nullopt;
    if (sum) {
      protocol::appendInteger(out, corrected(*sum, services_.hub.census().excessPatterns(), 0));
    } else {
      out += merged;
    }
    return good;
  }

 private:
  const Services& services_;
};

// Without those that only workers are subscribed to, for keyspace notifications of mapped databases.
class ChannelsComposer final : public routing::Composer {
 public:
  explicit ChannelsComposer(const Services& services) : services_(services) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    std::string merged;
    const bool good = routing::mergeReplies(routing::Merge::Union, parts, merged);
    auto channels = good ? routing::elementsOf(merged) : std::nullopt;
    if (!channels) {
      out += merged;
      return good;
    }
    std::erase_if(*channels, [this](std::string_view channel) {
      return !services_.hub.census().isOfClients(TopicKind::Channel, routing::textOf(channel).value_or(""));
    });
    protocol::appendArrayHeader(out, channels->size());
    for (const std::string_view channel : *channels) out += channel;
    return true;
  }

 private:
  const Services& services_;
};

bool planToMaster(Services& services, TopicKind kind, std::string_view channel, Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::OneSlot;
  plan.slot = protocol::slotOf(channel);
  plan.composer = std::make_unique<PublishComposer>(services, kind, channel);
  return true;
}

bool planToAll(std::unique_ptr<routing::Composer> composer, Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::EachNode;
  plan.composer = std::move(composer);
  return true;
}

}  // namespace

bool planPublish(Services& services, protocol::Argv argv, Plan& plan) {
  return planToMaster(services, TopicKind::Channel, argv[1], plan);
}

bool planShardPublish(Services& services, protocol::Argv argv, Plan& plan) {
  return planToMaster(services, TopicKind::Shard, argv[1], plan);
}

bool planChannels(Services& services, protocol::Argv, Plan& plan) {
  return services.databases.anyMapped() && planToAll(std::make_unique<ChannelsComposer>(services), plan);
}

bool planNumPat(Services& services, protocol::Argv, Plan& plan) {
  return planToAll(std::make_unique<NumPatComposer>(services), plan);
}

bool planNumSub(Services& services, protocol::Argv argv, Plan& plan) {
  return planToAll(std::make_unique<NumSubComposer>(services, TopicKind::Channel, argv.subspan(2)), plan);
}

bool planShardNumSub(Services& services, protocol::Argv argv, Plan& plan) {
  return planToAll(std::make_unique<NumSubComposer>(services, TopicKind::Shard, argv.subspan(2)), plan);
}

void appendPublished(const Services& services, std::string_view channel, protocol::Slot slot,
                     std::string_view reply, std::string& out) {
  const auto counted = routing::integerOf(reply);
  if (!counted) {
    out += reply;
    return;
  }
  const Census::Count own = services.hub.census().reachedBy(channel, masterOf(services, slot));
  protocol::appendInteger(out, corrected(*counted, own.upstream, own.listeners));
}

}  // namespace slotless::session
