#include "proxy/access/budgets.h"

#include <algorithm>

#include "proxy/access/subscriber.h"

namespace slotless::access {

template <typename Map>
void Budgets::sweep(Map& map, std::size_t& next, TimePoint now) {
  if (map.size() < next) return;
  std::erase_if(map,
                [&](const auto& each) { return each.second.use_count() == 1 && each.second->atRest(now); });
  next = std::max(kFirstSweep, map.size() * 2);
}

template <typename Map, typename Key>
BudgetPtr Budgets::find(Map& map, std::size_t& next, const Key& key, TimePoint now) {
  const auto found = map.find(key);
  if (found != map.end()) return found->second;
  sweep(map, next, now);
  return map.emplace(key, std::make_shared<Budget>()).first->second;
}

BudgetPtr Budgets::ofAddress(std::string_view host, TimePoint now) {
  const auto address = config::ipBytes(host);
  if (!address) return nullptr;
  const std::lock_guard guard(mutex_);
  return find(addresses_, nextAddressSweep_, subscriberOf(*address), now);
}

BudgetPtr Budgets::ofUser(std::string_view name, TimePoint now) {
  const std::lock_guard guard(mutex_);
  return find(users_, nextUserSweep_, std::string(name), now);
}

std::size_t Budgets::size() const {
  const std::lock_guard guard(mutex_);
  return addresses_.size() + users_.size();
}

}  // namespace slotless::access
