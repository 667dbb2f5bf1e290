#include "proxy/session/login_delays.h"

#include <algorithm>

#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

LoginDelays::LoginDelays(Services& services) : services_(services) {}

std::uint64_t LoginDelays::note(std::string_view host) {
  return services_.control.budgets().loginFailures().note(host, services_.host.now);
}

bool LoginDelays::holds(Client& client) {
  switch (client.atHand.loginDelay) {
    case LoginDelay::Waiting: return true;
    case LoginDelay::Over: return false;
    case LoginDelay::None: break;
  }
  const net::TimePoint now = services_.host.now;
  const std::uint64_t failures = services_.control.budgets().loginFailures().count(client.peer().host, now);
  if (failures == 0) return false;
  constexpr std::uint64_t kMostDoublings = 10;
  const auto doublings = std::min(failures - 1, kMostDoublings);
  const net::Millis delay = std::min(kFirst * (1U << doublings), kLongest);
  client.atHand.loginDelay = LoginDelay::Waiting;
  waiting_.push_back({client.id(), now + delay});
  startTimer();
  return true;
}

void LoginDelays::startTimer() {
  if (waiting_.empty()) return;
  if (timer_ == nullptr) timer_ = services_.host.loop.makeTimer([this] { wakeDue(); });
  const auto next = std::min_element(waiting_.begin(), waiting_.end(),
                                     [](const Waiting& a, const Waiting& b) { return a.until < b.until; });
  const auto left = std::chrono::ceil<net::Millis>(next->until - services_.host.now);
  timer_->start(std::max(left, net::Millis{1}));
}

void LoginDelays::wakeDue() {
  services_.host.touch();
  std::vector<std::uint64_t> due;
  std::erase_if(waiting_, [&](const Waiting& each) {
    if (each.until > services_.host.now) return false;
    due.push_back(each.client);
    return true;
  });
  for (const std::uint64_t id : due) {
    const auto found = services_.clients.find(id);
    if (found == services_.clients.end()) continue;
    found->second->atHand.loginDelay = LoginDelay::Over;
    found->second->wake();
  }
  startTimer();
}

}  // namespace slotless::session
