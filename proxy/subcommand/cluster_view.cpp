#include "proxy/subcommand/cluster_view.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "proxy/subcommand/info_text.h"

namespace slotless::subcommand {

namespace {

// A node that says "" or nothing means the address at which it was asked.
ServerUrl nodeAt(const Reply& entry, const ServerUrl& asked, const std::vector<config::AddressRule>& rules) {
  const Reply& host = entry.items[0];
  if (host.text.empty()) return asked.at(asked.host, static_cast<std::uint16_t>(entry.items[1].number()));
  return translated(asked.at(host.text, static_cast<std::uint16_t>(entry.items[1].number())), rules);
}

bool isNode(const Reply& entry) {
  return entry.items.size() >= 3 && entry.items[0].text != "?";
}

std::shared_ptr<ClusterView> viewOf(const Reply& slots, const ServerUrl& asked,
                                    const std::vector<config::AddressRule>& rules) {
  auto view = std::make_shared<ClusterView>();
  view->owner.fill(ClusterView::kNobody);
  std::map<std::string, std::int16_t> known;
  for (const Reply& range : slots.items) {
    if (range.items.size() < 3 || !isNode(range.items[2])) continue;
    const Reply& master = range.items[2];
    const auto [found, isNew] =
        known.emplace(master.items[2].text, static_cast<std::int16_t>(view->masters.size()));
    if (isNew) {
      ClusterMaster& made = view->masters.emplace_back();
      made = {master.items[2].text, nodeAt(master, asked, rules), range.items.size() - 3, 0};
      for (std::size_t i = 2; i < range.items.size(); ++i) {
        if (isNode(range.items[i])) view->nodes.push_back(nodeAt(range.items[i], asked, rules));
      }
    }
    const std::int64_t first = std::clamp<std::int64_t>(range.items[0].number(), 0, protocol::kSlotCount - 1);
    const std::int64_t last = std::clamp<std::int64_t>(range.items[1].number(), 0, protocol::kSlotCount - 1);
    for (std::int64_t slot = first; slot <= last; ++slot)
      view->owner[static_cast<std::size_t>(slot)] = found->second;
    view->masters[static_cast<std::size_t>(found->second)].slots +=
        static_cast<std::size_t>(std::max<std::int64_t>(last - first + 1, 0));
  }
  return view;
}

bool same(const ServerUrl& a, const ServerUrl& b) {
  return a.host == b.host && a.port == b.port;
}

}  // namespace

bool ClusterView::complete() const noexcept {
  return std::find(owner.begin(), owner.end(), kNobody) == owner.end();
}

ServerUrl translated(ServerUrl url, const std::vector<config::AddressRule>& rules) {
  const config::AddressRule* chosen = nullptr;
  for (const config::AddressRule& rule : rules) {
    if (rule.from.host != url.host || (rule.from.port != 0 && rule.from.port != url.port)) continue;
    if (chosen == nullptr || (chosen->from.port == 0 && rule.from.port != 0)) chosen = &rule;
  }
  if (chosen == nullptr) return url;
  return url.at(chosen->to.host, chosen->to.port == 0 ? url.port : chosen->to.port);
}

ClusterAnswer lookAtCluster(std::span<const ServerUrl> nodes, const ConnectOptions& options,
                            const std::vector<config::AddressRule>& rules) {
  std::vector<ServerUrl> asked(nodes.begin(), nodes.end());
  std::shared_ptr<ClusterView> best;
  std::string error = "no node was named";
  // Those that the first ones name are asked, too.
  for (std::size_t i = 0; i < asked.size(); ++i) {
    NodeClient client(asked[i], options);
    if (auto failure = client.open(); !failure.empty()) {
      error = std::move(failure);
      continue;
    }
    const Reply slots = client.command({"CLUSTER", "SLOTS"});
    const Reply info = client.command({"CLUSTER", "INFO"});
    if (slots.failed() || info.failed()) {
      error = asked[i].shown() + ": " + (slots.failed() ? slots.text : info.text);
      continue;
    }
    auto view = viewOf(slots, asked[i], rules);
    view->epoch = InfoText(info.text).number("cluster_current_epoch");
    for (const ServerUrl& node : view->nodes) {
      const auto isIt = [&](const ServerUrl& each) { return same(each, node); };
      if (std::none_of(asked.begin(), asked.end(), isIt)) asked.push_back(node);
    }
    const bool better = best == nullptr || view->epoch > best->epoch ||
                        (view->epoch == best->epoch && view->complete() && !best->complete());
    if (better) best = std::move(view);
  }
  if (best == nullptr) return {nullptr, error};
  if (best->masters.empty()) return {nullptr, "no node of the cluster has slots"};
  return {std::move(best), {}};
}

}  // namespace slotless::subcommand
