#include "proxy/observe/happenings.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace slotless::observe {

namespace {

using cluster::Node;
using cluster::NodeIndex;
using cluster::Topology;

// A change of the whole cluster is told by some of its parts, and how many more there are.
constexpr std::size_t kMostLines = 12;

std::string slotsText(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " slot" : " slots");
}

std::string ownerName(const Topology& topology, std::size_t slot) {
  const NodeIndex owner = topology.owners[slot];
  return owner == cluster::kNoNode ? std::string() : topology.nodes[owner].address.text();
}

// From whom to whom, and how many. An empty name: nobody.
using Moves = std::map<std::pair<std::string, std::string>, std::size_t>;

Moves movesBetween(const Topology& before, const Topology& after) {
  std::map<std::pair<NodeIndex, NodeIndex>, std::pair<std::size_t, std::size_t>> counted;  // a slot, how many
  for (std::size_t slot = 0; slot < after.owners.size(); ++slot) {
    auto& entry = counted[{before.owners[slot], after.owners[slot]}];
    entry.first = slot;
    ++entry.second;
  }
  Moves moves;
  for (const auto& [between, slots] : counted) {
    std::string from = ownerName(before, slots.first);
    std::string to = ownerName(after, slots.first);
    if (from != to) moves[{std::move(from), std::move(to)}] += slots.second;
  }
  return moves;
}

std::set<std::string> namesOf(const Topology& topology) {
  std::set<std::string> names;
  for (const Node& node : topology.nodes) names.insert(node.address.text());
  return names;
}

std::set<std::string> replicasOf(const Topology& topology) {
  std::set<std::string> names;
  for (const Node& node : topology.nodes) {
    if (!node.master) names.insert(node.address.text());
  }
  return names;
}

void noteMembers(Happenings& happenings, std::int64_t at, const std::set<std::string>& were,
                 const std::set<std::string>& are) {
  std::size_t told = 0;
  for (const std::string& name : are) {
    if (!were.contains(name) && told++ < kMostLines)
      happenings.add(at, "topology", Weight::Note, name + " has joined");
  }
  for (const std::string& name : were) {
    if (!are.contains(name) && told++ < kMostLines)
      happenings.add(at, "topology", Weight::Warning, name + " is not listed any more");
  }
}

struct CountRow {
  std::uint64_t Sample::*count;
  std::string_view kind;
  Weight weight;
  std::string_view text;
};
constexpr CountRow kCounts[] = {
    {&Sample::ambiguous, "ambiguous", Weight::Trouble,
     "A write was sent, and its connection was lost before the reply: nobody knows whether it was carried out"},
    {&Sample::loginsRefused, "login", Weight::Warning, "A client gave a wrong name or password"},
    {&Sample::rejected, "limit", Weight::Warning, "A client was refused: there are too many"}};

}  // namespace

std::string_view weightName(Weight weight) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"note", "warning", "trouble"};
  return kNames[static_cast<std::size_t>(weight)];
}

void Happenings::add(std::int64_t unixMillis, std::string_view kind, Weight weight, std::string text,
                     std::uint64_t times) {
  const auto same = std::find_if(all_.rbegin(), all_.rend(), [&](const Happening& each) {
    return each.kind == kind && each.text == text && unixMillis - each.lastMillis <= kSameWithinMillis;
  });
  if (same != all_.rend()) {
    same->lastMillis = unixMillis;
    same->times += times;
    same->id = ++lastId_;
    return;
  }
  if (all_.size() == kMost) all_.pop_front();
  all_.push_back({++lastId_, unixMillis, unixMillis, times, kind, weight, std::move(text)});
}

void noteChanges(Happenings& happenings, std::int64_t unixMillis, const Topology& before,
                 const Topology& after) {
  if (before.version == 0) {
    const auto masters =
        std::count_if(after.nodes.begin(), after.nodes.end(), [](const Node& node) { return node.master; });
    happenings.add(unixMillis, "topology", Weight::Note,
                   "The cluster is known: " + std::to_string(masters) + " masters, " +
                       std::to_string(after.nodes.size() - static_cast<std::size_t>(masters)) +
                       " replicas, " + slotsText(after.slotsCovered()) + " covered");
    return;
  }
  const std::set<std::string> replicasBefore = replicasOf(before);
  std::size_t told = 0;
  for (const auto& [between, count] : movesBetween(before, after)) {
    const auto& [from, to] = between;
    if (told++ >= kMostLines) continue;
    if (to.empty()) {
      happenings.add(unixMillis, "topology", Weight::Trouble,
                     slotsText(count) + " of " + from + (count == 1 ? " has" : " have") + " no master now");
    } else if (from.empty()) {
      happenings.add(unixMillis, "topology", Weight::Note,
                     slotsText(count) + " without a master are served by " + to + " now");
    } else if (replicasBefore.contains(to)) {
      happenings.add(unixMillis, "failover", Weight::Warning,
                     to + " has become master in place of " + from + ", with " + slotsText(count));
    } else {
      happenings.add(unixMillis, "reshard", Weight::Note,
                     slotsText(count) + " went from " + from + " to " + to);
    }
  }
  if (told > kMostLines)
    happenings.add(unixMillis, "topology", Weight::Note,
                   "and " + std::to_string(told - kMostLines) + " more changes of slots");
  noteMembers(happenings, unixMillis, namesOf(before), namesOf(after));
}

void noteChanges(Happenings& happenings, const Sample& before, const Sample& after) {
  const std::int64_t at = after.unixMillis;
  for (const CountRow& row : kCounts) {
    if (after.*row.count > before.*row.count)
      happenings.add(at, row.kind, row.weight, std::string(row.text), after.*row.count - before.*row.count);
  }
  for (std::size_t i = 0; i < after.redirects.size(); ++i) {
    if (after.redirects[i] <= before.redirects[i]) continue;
    happenings.add(at, "redirect", Weight::Note,
                   "A node answered " +
                       std::string(telemetry::redirectName(static_cast<telemetry::Redirect>(i))) +
                       ", and the request went on from there",
                   after.redirects[i] - before.redirects[i]);
  }
  for (std::size_t i = 0; i < after.limits.size(); ++i) {
    if (after.limits[i] <= before.limits[i]) continue;
    happenings.add(
        at, "limit", Weight::Warning,
        "The limit " + std::string(telemetry::limitName(static_cast<telemetry::Limit>(i))) + " has acted",
        after.limits[i] - before.limits[i]);
  }
  for (const auto& [name, node] : after.nodes) {
    const auto earlier = before.nodes.find(name);
    const std::uint64_t had = earlier == before.nodes.end() ? 0 : earlier->second.losses;
    if (node.losses > had)
      happenings.add(at, "link", Weight::Warning, "A connection to " + name + " was lost or refused",
                     node.losses - had);
  }
  if ((before.paused > 0) != (after.paused > 0))
    happenings.add(at, "pause", Weight::Warning,
                   after.paused > 0 ? "Clients are paused" : "The pause of clients is over");
  if ((before.held > 0) != (after.held > 0))
    happenings.add(at, "held", after.held > 0 ? Weight::Warning : Weight::Note,
                   after.held > 0 ? "Requests are waiting for a master" : "No request waits any more");
}

}  // namespace slotless::observe
