#include "proxy/observe/verdict.h"

#include <algorithm>
#include <utility>

namespace slotless::observe {

namespace {

using cluster::Node;
using telemetry::LinkState;

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kExpiresSoon = 14 * kDay;
// Of nodes that are all in the same state so many are named.
constexpr std::size_t kMostNames = 8;

class Finding {
 public:
  Finding(std::vector<Problem>& problems, const Condition& condition)
      : problems_(problems), condition_(condition) {}

  void add(std::string id, Weight weight, std::string what, std::string advice) {
    problems_.push_back({std::move(id), weight, std::move(what), std::move(advice), condition_.unixMillis});
  }

 private:
  std::vector<Problem>& problems_;
  const Condition& condition_;
};

std::uint32_t linksIn(const NodeSample& node, LinkState state) {
  return node.links[static_cast<std::size_t>(state)];
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMostNames) text += " and " + std::to_string(names.size() - kMostNames) + " more";
  return text;
}

void findThreads(Finding& finding, const Condition& condition) {
  if (!condition.notAlive) return;
  finding.add("stuck", Weight::Trouble, "A thread of this proxy does not turn: " + *condition.notAlive,
              "Restart this proxy; its log, and a core file (core-dumps yes), say why.");
}

void findSlots(Finding& finding, const Condition& condition) {
  if (condition.topology == nullptr) {
    finding.add("topology-unknown", Weight::Trouble,
                condition.notReady.value_or("The cluster's topology is not known yet"),
                "Look whether the addresses in cluster-nodes can be reached from here, and whether username, "
                "password and TLS are right; the log names what each node has said.");
    return;
  }
  const std::size_t missing = protocol::kSlotCount - condition.topology->slotsCovered();
  if (missing > 0)
    finding.add(
        "slots-uncovered", Weight::Trouble,
        std::to_string(missing) + " of " + std::to_string(protocol::kSlotCount) + " slots have no master",
        "Requests for them wait for hold-timeout and fail then. If a failover is under way, it takes "
        "cluster-node-timeout and a second or two. If not, start the failed nodes, or give the slots to "
        "another master (redis-cli --cluster fix).");
}

void findReadiness(Finding& finding, const Condition& condition) {
  if (!condition.notReady || condition.topology == nullptr || condition.now.paused > 0) return;
  if (!condition.topology->complete()) return;  // has been said
  finding.add("not-ready", Weight::Trouble, "Not ready: " + *condition.notReady,
              "Nodes that the cluster lists cannot be reached from here: look at the network, and at their "
              "state below.");
}

void findTopologyAge(Finding& finding, const Condition& condition) {
  if (condition.topology == nullptr) return;
  const auto most = std::max(condition.refreshInterval * 3, std::chrono::milliseconds{10'000});
  if (condition.topologyAge <= most) return;
  finding.add(
      "topology-old", Weight::Warning,
      "No node has confirmed the topology for " +
          std::to_string(std::chrono::duration_cast<std::chrono::seconds>(condition.topologyAge).count()) +
          " s",
      "What is shown of the cluster may be out of date. Nodes do not answer CLUSTER SLOTS: look at the "
      "log.");
}

void findNodes(Finding& finding, const Condition& condition) {
  if (condition.topology == nullptr) return;
  std::vector<std::string> unreachable;
  std::vector<std::string> silent;
  std::vector<std::string> alone;
  bool hasReplicas = false;
  for (const Node& node : condition.topology->nodes) {
    const std::string name = node.address.text();
    hasReplicas |= !node.master;
    if (node.master && node.replicas.empty() && node.joining.empty() &&
        condition.topology->ownsSlots(node.address))
      alone.push_back(name);
    const auto found = condition.now.nodes.find(name);
    if (found == condition.now.nodes.end()) continue;
    if (linksIn(found->second, LinkState::Silent) > 0) silent.push_back(name);
    if (found->second.missing || linksIn(found->second, LinkState::BackingOff) > 0)
      unreachable.push_back(name);
  }
  if (!unreachable.empty())
    finding.add(
        "nodes-unreachable", Weight::Trouble, "No connection to " + joined(unreachable),
        "Requests for its slots wait. Look whether the server runs, and whether its port can be reached "
        "from here.");
  if (!silent.empty())
    finding.add(
        "nodes-silent", Weight::Warning, "No answer from " + joined(silent),
        "The server owes answers: it is busy with a long command (SLOWLOG GET there), frozen, or cut off. "
        "Requests for it wait meanwhile.");
  if (!alone.empty())
    finding.add("masters-without-replica", hasReplicas ? Weight::Warning : Weight::Note,
                "Without a replica: " + joined(alone),
                "If it fails, its slots are lost until it is back. Add a replica (CLUSTER REPLICATE).");
}

void findTraffic(Finding& finding, const Condition& condition) {
  const Sample& now = condition.now;
  const Sample& before = condition.minuteAgo;
  if (now.paused > 0)
    finding.add("paused", Weight::Warning, "All clients are paused (PROXY PAUSE)",
                "They wait and lose nothing. PROXY RESUME, or the button below, lets them go on.");
  if (now.held > 0)
    finding.add("held", Weight::Warning,
                std::to_string(now.held) + (now.held == 1 ? " request waits" : " requests wait") +
                    " for a node that can take " + (now.held == 1 ? "it" : "them"),
                "They go on by themselves when it can be reached, and fail after hold-timeout.");
  if (now.ambiguous > before.ambiguous)
    finding.add(
        "ambiguous", Weight::Warning,
        std::to_string(now.ambiguous - before.ambiguous) +
            " writes in the last minute lost their connection before the reply",
        "Whether they were carried out is not known, and they were not repeated: their clients were told.");
  for (std::size_t i = 0; i < now.limits.size(); ++i) {
    if (now.limits[i] <= before.limits[i]) continue;
    const std::string name(telemetry::limitName(static_cast<telemetry::Limit>(i)));
    finding.add(
        "limit " + name, Weight::Warning,
        "The limit " + name + " has acted " + std::to_string(now.limits[i] - before.limits[i]) +
            " times in the last minute",
        "Clients were refused, closed or kept waiting: see the limits below, and docs/operations.md.");
  }
}

void findCertificates(Finding& finding, const Condition& condition) {
  for (const CertificateEnd& each : condition.certificates) {
    const std::int64_t left = each.expiry - condition.unixMillis / 1000;
    if (each.expiry == 0 || left > kExpiresSoon) continue;
    finding.add("certificate " + each.file, left <= 0 ? Weight::Trouble : Weight::Warning,
                "The certificate " + each.file + (left <= 0 ? " has expired" : " expires in ") +
                    (left <= 0 ? "" : std::to_string(left / kDay) + " days"),
                "Put a new one in its place: it is read by itself.");
  }
}

constexpr void (*kFinders[])(Finding&, const Condition&) = {
    findThreads, findSlots, findReadiness, findNodes, findTopologyAge, findTraffic, findCertificates};

}  // namespace

std::vector<Problem> Verdict::judge(const Condition& condition) {
  std::vector<Problem> problems;
  Finding finding(problems, condition);
  for (const auto& find : kFinders) find(finding, condition);
  std::map<std::string, std::int64_t> since;
  for (Problem& problem : problems) {
    const auto known = since_.find(problem.id);
    problem.sinceMillis = known == since_.end() ? condition.unixMillis : known->second;
    since[problem.id] = problem.sinceMillis;
  }
  since_ = std::move(since);
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return a.weight > b.weight; });
  return problems;
}

}  // namespace slotless::observe
