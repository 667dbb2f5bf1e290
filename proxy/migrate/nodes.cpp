#include "proxy/migrate/nodes.h"

#include <utility>

namespace slotless::migrate {

using subcommand::ClusterView;

Nodes::Nodes(std::vector<subcommand::ServerUrl> seeds, subcommand::ConnectOptions options,
             std::vector<config::AddressRule> rules)
    : seeds_(std::move(seeds)), options_(std::move(options)), rules_(std::move(rules)) {}

Nodes::Nodes(const subcommand::ServerUrl& server, subcommand::ConnectOptions options)
    : options_(std::move(options)), single_(true) {
  auto view = std::make_shared<ClusterView>();
  subcommand::ServerUrl url = server;
  url.database = 0;
  view->masters.push_back({server.shown(), url, 0, protocol::kSlotCount});
  view->owner.fill(0);
  view->nodes = {url};
  view_ = std::move(view);
}

std::shared_ptr<const ClusterView> Nodes::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

std::string Nodes::refresh() {
  const std::lock_guard asking(asking_);
  return ask();
}

std::string Nodes::refreshOnce() {
  std::uint64_t before = 0;
  {
    const std::lock_guard lock(mutex_);
    before = refreshes_;
  }
  const std::lock_guard asking(asking_);
  {
    const std::lock_guard lock(mutex_);
    if (refreshes_ != before) return {};
  }
  return ask();
}

std::string Nodes::ask() {
  if (single_) return {};
  // First those that have answered before: the seeds may have been replaced since.
  std::vector<subcommand::ServerUrl> nodes;
  if (const auto known = view()) nodes = known->nodes;
  nodes.insert(nodes.end(), seeds_.begin(), seeds_.end());
  subcommand::ConnectOptions quick = options_;
  quick.connectTimeout = std::chrono::seconds(1);
  quick.replyTimeout = std::chrono::seconds(2);
  auto answer = subcommand::lookAtCluster(nodes, quick, rules_);
  if (answer.view == nullptr) return answer.error;
  take(std::move(answer.view));
  return {};
}

void Nodes::take(std::shared_ptr<const ClusterView> found) {
  const std::lock_guard lock(mutex_);
  ++refreshes_;
  if (view_ != nullptr && found->epoch < view_->epoch) return;
  bool changed = false;
  for (protocol::Slot slot = 0; view_ != nullptr && slot < protocol::kSlotCount; ++slot) {
    const auto* const before = view_->ownerOf(slot);
    const auto* const now = found->ownerOf(slot);
    if (before == now || (before != nullptr && now != nullptr && before->id == now->id)) continue;
    doubtful_.set(slot);
    changed = true;
  }
  if (changed) ++changes_;
  view_ = std::move(found);
}

void Nodes::noteProcess(const std::string& nodeId, const std::string& runId) {
  const std::lock_guard lock(mutex_);
  const auto [known, isNew] = processes_.emplace(nodeId, runId);
  if (isNew || known->second == runId) return;
  known->second = runId;
  ++changes_;
  for (protocol::Slot slot = 0; view_ != nullptr && slot < protocol::kSlotCount; ++slot) {
    const auto* const owner = view_->ownerOf(slot);
    if (owner != nullptr && owner->id == nodeId) doubtful_.set(slot);
  }
}

SlotSet Nodes::takeDoubtful() {
  const std::lock_guard lock(mutex_);
  return std::exchange(doubtful_, SlotSet());
}

std::uint64_t Nodes::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

}  // namespace slotless::migrate
