#include "proxy/session/turns.h"

#include <algorithm>
#include <set>

#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

void Turns::await(const Client& client, net::TimePoint due) {
  due_.emplace(due, client.id());
  startTimer();
}

void Turns::startTimer() {
  if (due_.empty()) return;
  if (timer_ == nullptr) timer_ = services_.host.loop.makeTimer([this] { wakeDue(); });
  const auto left = std::chrono::ceil<net::Millis>(due_.begin()->first - services_.host.now);
  timer_->start(std::max(left, net::Millis{1}));
}

void Turns::wakeDue() {
  services_.host.touch();
  while (!due_.empty() && due_.begin()->first <= services_.host.now) {
    Client* const client = find(due_.begin()->second);
    due_.erase(due_.begin());
    if (client != nullptr && client->limits()->onTurn()) client->wake();
  }
  startTimer();
}

Client* Turns::find(std::uint64_t client) const {
  const auto found = services_.clients.find(client);
  return found == services_.clients.end() ? nullptr : found->second.get();
}

void Turns::awaitRoom(const Client& client, access::BudgetPtr budget, std::uint64_t most) {
  room_.push_back({client.id(), std::move(budget), most});
  if (secondLook_ == nullptr) secondLook_ = services_.host.loop.makeTimer([this] { lookAgain(); });
  if (!secondLook_->active()) secondLook_->start(kSecondLook);
}

void Turns::tellRoom(const access::BudgetPtr& budget) {
  services_.control.tellWorkers([budget](Services& there, std::size_t) {
    there.host.touch();
    there.turns.onRoom(budget);
  });
}

// As many as there is room for; the next one that is done calls the others.
void Turns::onRoom(const access::BudgetPtr& budget) {
  std::uint64_t used = budget->inFlight.load();
  std::erase_if(room_, [&](const Waiter& each) {
    if (each.budget != budget || used >= each.most) return false;
    Client* const client = find(each.client);
    if (client == nullptr || !client->limits()->onRoom(*budget)) return true;
    client->wake();
    ++used;
    return true;
  });
  const bool left =
      std::any_of(room_.begin(), room_.end(), [&](const Waiter& each) { return each.budget == budget; });
  if (left) budget->awaited.store(true);
}

void Turns::lookAgain() {
  services_.host.touch();
  std::set<access::BudgetPtr> budgets;
  for (const Waiter& each : room_) budgets.insert(each.budget);
  for (const access::BudgetPtr& budget : budgets) onRoom(budget);
  if (!room_.empty()) secondLook_->start(kSecondLook);
}

}  // namespace slotless::session
