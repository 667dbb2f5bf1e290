#include "proxy/telemetry/user_counts.h"

#include <utility>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {

using prometheus::MetricType;

UserCounts& UserCounts::ofProcess() {
  static UserCounts counts;
  return counts;
}

std::string UserCounts::nameFor(std::string_view user) {
  const std::lock_guard guard(mutex_);
  if (!names_.contains(user)) {
    if (names_.size() >= kMostUsers) return std::string(kOthers);
    names_.emplace(user);
  }
  return std::string(user);
}

void UserCounts::tell(const void* worker, ByUser figures) {
  const std::lock_guard guard(mutex_);
  parts_[worker] = std::move(figures);
}

void UserCounts::withdraw(const void* worker) {
  const std::lock_guard guard(mutex_);
  parts_.erase(worker);
}

UserCounts::ByUser UserCounts::all() const {
  const std::lock_guard guard(mutex_);
  ByUser sums;
  for (const auto& [worker, part] : parts_) {
    for (const auto& [user, figures] : part) sums[user].add(figures);
  }
  return sums;
}

void collectUsers(Families& families) {
  auto requests =
      makeFamily("slotless_user_requests_total",
                 "Requests of a user's clients. Of 256 users; all later ones are one.", MetricType::Counter);
  auto errors =
      makeFamily("slotless_user_errors_total", "Error replies to a user's clients.", MetricType::Counter);
  auto received = makeFamily("slotless_user_received_bytes_total", "Bytes received from a user's clients.",
                             MetricType::Counter);
  auto sent =
      makeFamily("slotless_user_sent_bytes_total", "Bytes sent to a user's clients.", MetricType::Counter);
  for (const auto& [user, figures] : UserCounts::ofProcess().all()) {
    const Labels labels = {{"user", user}};
    addSample(requests, static_cast<double>(figures.requests), labels);
    addSample(errors, static_cast<double>(figures.errors), labels);
    addSample(received, static_cast<double>(figures.receivedBytes), labels);
    addSample(sent, static_cast<double>(figures.sentBytes), labels);
  }
  for (auto* family : {&requests, &errors, &received, &sent}) families.push_back(std::move(*family));
}

}  // namespace slotless::telemetry
