// The part of a conversation that waits: commands that block, WAIT and WAITAOF.
#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_scheme.h"
#include "proxy/dispatch/blocking.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/slot_guard.h"
#include "proxy/routing/router.h"
#include "proxy/session/client.h"
#include "proxy/session/conversation.h"
#include "proxy/session/key_lookups.h"
#include "proxy/session/waiting.h"
#include "proxy/translation/group_refusal.h"

namespace slotless::session {

using protocol::CommandSpec;
using upstream::LeaseUse;

namespace {

bool slotOn(const cluster::Topology& topology, cluster::NodeIndex node) {
  return std::find(topology.owners.begin(), topology.owners.end(), node) != topology.owners.end();
}

// A key of our own in some slot of the node: clients cannot have one of a reserved name. Requires that the
// node has a slot.
std::string reservedKeyOn(const cluster::Topology& topology, cluster::NodeIndex node) {
  for (std::uint32_t i = 0;; ++i) {
    std::string key = protocol::routingKey("slotless-wait-" + std::to_string(i));
    if (topology.owners[protocol::slotOf(key)] == node) return key;
  }
}

// The last argument is the timeout in milliseconds; 0, or nonsense, which a node words: none.
WaitTerms termsOf(protocol::Argv argv, net::TimePoint now) {
  WaitTerms terms;
  const std::size_t numbers = argv.size() - 2;
  if (numbers > 1) terms.nobody = "*" + std::to_string(numbers) + "\r\n";
  for (std::size_t i = 0; i < numbers; ++i) terms.nobody += ":0\r\n";
  std::uint32_t timeout = 0;
  const std::string_view text = argv.back();
  std::from_chars(text.data(), text.data() + text.size(), timeout);
  if (timeout > 0) terms.until = now + net::Millis(timeout);
  return terms;
}

}  // namespace

Conversation::Outcome Conversation::block(Command& command) {
  const CommandSpec& spec = *command.spec;
  if (!client_.pending().empty()) return Outcome::Wait;
  routing::Plan& plan = services_.plan;
  if (!services_.keyLookups.plan(client_, command, plan)) return Outcome::Wait;
  if (plan.kind == routing::Plan::Kind::Refused && plan.error == routing::kCrossSlot) {
    std::string error;
    if (auto attempts = attemptsOf(services_, client_, command, error)) {
      Request& added = client_.addRequest(spec);
      becomeExclusive(true);
      startWaiting(services_, client_, added, command, std::move(attempts));
      return Outcome::Done;
    }
    if (!error.empty()) return refuse(spec, error);
  }
  nameGroups(command, plan);
  if (plan.kind == routing::Plan::Kind::Refused) return refuse(spec, plan.error);
  if (plan.kind == routing::Plan::Kind::BySlot) return refuse(spec, routing::kCrossSlot);
  // Without keys it is malformed, and some node says how.
  Request& added = client_.addRequest(spec);
  if (plan.kind == routing::Plan::Kind::OneSlot && client_.inputEnded()) {
    // One Redis would see what there is, and then that the client may have left.
    net::ByteChain bytes(services_.host.pool);
    bytes.append(command.bytes);
    bytes.append(command.tail);
    added.composer = std::move(command.composer);
    net::ByteChain batch = makeUnblocked(added, command.database, bytes, services_.host.pool);
    added.bytes = batch.size();
    if (command.database.mapped()) added.database = &command.database;
    services_.dispatcher.startBatch(added, plan.slot, batch);
    return Outcome::Done;
  }
  if (plan.kind == routing::Plan::Kind::OneSlot) {
    becomeExclusive(true);
    added.lease = LeaseUse::Blocking;
    if (added.kind != RequestKind::Read) added.kind = RequestKind::Blocking;
    if (const auto timeout = blockTimeoutOf(spec, command.argv)) {
      added.blockedUntil = services_.host.now + *timeout;
    }
  }
  client_.start(added, command);
  return Outcome::Done;
}

// A lease to each master that the client wrote to. WAIT speaks of what its own connection wrote, so a tiny
// write goes first; it is taken back in the same transaction, and nobody sees it.
Conversation::Outcome Conversation::waitForReplicas(const CommandSpec& spec, protocol::Argv argv) {
  if (!client_.pending().empty()) return Outcome::Wait;
  const cluster::Topology& topology = services_.links.topology();
  WaitTerms terms = termsOf(argv, services_.host.now);
  // Nobody may be there to hear of it, and it may never end: as one Redis, which would see only now that the
  // client has left.
  if (client_.inputEnded() && !terms.until) {
    client_.closeAfterReply();
    return Outcome::Done;
  }
  // Of what a master had acknowledged before another node took its place nobody can tell who has it: told
  // once. It may go by the name of a master for a while, without slots, or be one again.
  const auto isOpen = [&](const Client::Written& each) {
    return !topology.ownsSlots(each.node) || services_.slotLosses.lostAfter(each.since, each.node);
  };
  if (client_.forgetWrites(isOpen)) return answer(spec, terms.nobody);
  std::vector<cluster::NodeIndex> nodes;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const cluster::Node& node = topology.nodes[i];
    const bool concerned = client_.writtenTo().empty() || client_.hasWrittenTo(node.address);
    if (node.master && concerned && slotOn(topology, static_cast<cluster::NodeIndex>(i))) {
      nodes.push_back(static_cast<cluster::NodeIndex>(i));
    }
  }
  if (nodes.empty()) return refuse(spec, "CLUSTERDOWN No master is known");
  Request& request = client_.addRequest(spec);
  request.kind = RequestKind::Blocking;
  request.lease = LeaseUse::Blocking;
  request.preludes = 4;  // MULTI, QUEUED, QUEUED, EXEC
  request.merge = routing::Merge::Minimum;
  becomeExclusive(true);
  std::vector<Dispatcher::NodeBatch> batches;
  for (const cluster::NodeIndex node : nodes) {
    const std::string key = reservedKeyOn(topology, node);
    std::string batch;
    protocol::appendRequest(batch, {{"MULTI"}});
    protocol::appendRequest(batch, {{"SET", key, ""}});
    protocol::appendRequest(batch, {{"DEL", key}});
    protocol::appendRequest(batch, {{"EXEC"}});
    protocol::appendRequest(batch, argv);
    batches.push_back({topology.nodes[node].address, protocol::slotOf(key), std::move(batch)});
  }
  request.wait = std::move(terms);
  services_.dispatcher.startOnNodes(request, batches);
  return Outcome::Done;
}

}  // namespace slotless::session
