#include "proxy/routing/router.h"

#include <algorithm>

#include "protocol/key_extraction.h"
#include "proxy/routing/special_merges.h"

namespace slotless::routing {

using protocol::Argv;
using protocol::CommandSpec;
using protocol::Handling;
using protocol::ResponsePolicy;
using protocol::Slot;

namespace {

// Administration without a key is about servers, and so about all of them.
bool concernsAllNodes(const CommandSpec& spec) {
  const bool admin = spec.handling == Handling::Admin && spec.keySpecs.empty() && spec.firstKey == 0;
  return spec.handling == Handling::FanOut || admin;
}

}  // namespace

Merge mergeFor(const CommandSpec& spec) {
  if (const Merge special = specialMergeOf(spec.name); special != Merge::None) return special;
  switch (spec.responsePolicy) {
    // Redis's default: arrays of keyed commands keep the order of the keys, the others are put together.
    case ResponsePolicy::None: return spec.handling == Handling::Split ? Merge::Interleave : Merge::Automatic;
    case ResponsePolicy::OneSucceeded: return Merge::FirstSuccess;
    case ResponsePolicy::AllSucceeded: return Merge::First;
    case ResponsePolicy::AggLogicalAnd: return Merge::LogicalAnd;
    case ResponsePolicy::AggLogicalOr: return Merge::LogicalOr;
    case ResponsePolicy::AggMin: return Merge::Minimum;
    case ResponsePolicy::AggMax: return Merge::Maximum;
    case ResponsePolicy::AggSum: return Merge::Sum;
    case ResponsePolicy::Special: return Merge::Automatic;
  }
  return Merge::First;
}

void Router::plan(const CommandSpec& spec, Argv argv, Plan& plan) {
  plan.clear();
  if (spec.singleKey > 0) {
    plan.kind = Plan::Kind::OneSlot;
    plan.slot = protocol::slotOf(argv[static_cast<std::size_t>(spec.singleKey)]);
    return;
  }
  if (spec.hashedArgument > 0) {
    plan.kind = Plan::Kind::OneSlot;
    plan.slot = protocol::slotOf(argv[static_cast<std::size_t>(spec.hashedArgument)]);
    return;
  }
  if (concernsAllNodes(spec)) {
    plan.kind = Plan::Kind::EachNode;
    plan.merge = mergeFor(spec);
    // What the servers are set to matters after a failover, too. Scripts and data reach replicas by
    // themselves.
    plan.replicas =
        spec.handling == Handling::Admin && spec.requestPolicy == protocol::RequestPolicy::AllNodes;
    // What ends a script, or tells of one, is to find it wherever it runs: on a replica that is read from, or
    // on a master that has lost its place because of it.
    plan.lastingNodes = spec.has(protocol::kAllowBusy);
    return;
  }
  planKeys(spec, argv, plan);
}

void Router::planKeys(const CommandSpec& spec, Argv argv, Plan& plan) {
  plan.kind = Plan::Kind::AnyNode;
  plan.slot = protocol::kNoSlot;
  if (protocol::keyPositions(spec, argv, plan.keyPositions) != protocol::KeyResult::Ok) {
    if (spec.keyStep <= 1) return;  // arguments that contradict the spec: some node words the error
    // A key without its value: a node would first look at the slots.
    plan.kind = Plan::Kind::Refused;
    plan.error = "ERR wrong number of arguments for '" + spec.name + "' command";
    return;
  }
  if (plan.keyPositions.empty()) return;
  slots_.clear();
  for (const std::uint32_t position : plan.keyPositions) slots_.push_back(protocol::slotOf(argv[position]));
  if (std::all_of(slots_.begin(), slots_.end(), [&](Slot slot) { return slot == slots_.front(); })) {
    plan.kind = Plan::Kind::OneSlot;
    plan.slot = slots_.front();
    return;
  }
  if (spec.handling != Handling::Split || !splitAllowed_) {
    plan.kind = Plan::Kind::Refused;
    plan.error = kCrossSlot;
    return;
  }
  plan.stride = static_cast<std::uint32_t>(std::max(1, spec.keyStep));
  plan.merge = mergeFor(spec);
  split(plan);
}

void Router::split(Plan& plan) {
  plan.kind = Plan::Kind::BySlot;
  for (std::uint32_t ordinal = 0; ordinal < slots_.size(); ++ordinal) {
    std::uint16_t& index = partOfSlot_[slots_[ordinal]];
    if (index == kNoPart) {
      index = static_cast<std::uint16_t>(plan.partCount++);
      if (plan.parts.size() < plan.partCount) plan.parts.emplace_back();
      plan.parts[index].slot = slots_[ordinal];
      plan.parts[index].keys.clear();
    }
    plan.parts[index].keys.push_back(ordinal);
  }
  for (std::size_t i = 0; i < plan.partCount; ++i) partOfSlot_[plan.parts[i].slot] = kNoPart;
}

}  // namespace slotless::routing
