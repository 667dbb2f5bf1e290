#include "proxy/access/login_failures.h"

#include "proxy/access/subscriber.h"

namespace slotless::access {

void LoginFailures::forgetOldest() {
  byWho_.erase(order_.back().who);
  order_.pop_back();
}

std::uint64_t LoginFailures::note(std::string_view host, TimePoint now) {
  std::string who = subscriberKey(host);
  const std::lock_guard guard(mutex_);
  any_.store(true, std::memory_order_relaxed);
  while (!order_.empty() && now - order_.back().last > kForgotten) forgetOldest();
  const auto found = byWho_.find(who);
  if (found != byWho_.end()) {
    order_.splice(order_.begin(), order_, found->second);
  } else {
    if (order_.size() >= kMost) forgetOldest();
    order_.push_front({who, 0, now});
    byWho_.emplace(std::move(who), order_.begin());
  }
  order_.front().last = now;
  return ++order_.front().count;
}

std::uint64_t LoginFailures::count(std::string_view host, TimePoint now) const {
  if (!any_.load(std::memory_order_relaxed)) return 0;
  const std::string who = subscriberKey(host);
  const std::lock_guard guard(mutex_);
  const auto found = byWho_.find(who);
  if (found == byWho_.end() || now - found->second->last > kForgotten) return 0;
  return found->second->count;
}

std::size_t LoginFailures::size() const {
  const std::lock_guard guard(mutex_);
  return order_.size();
}

}  // namespace slotless::access
