#include "proxy/observe/traffic_history.h"

#include <numeric>

namespace slotless::observe {

TrafficPoint pointBetween(const Sample& before, const Sample& after) {
  const double seconds = std::chrono::duration<double>(after.at - before.at).count();
  TrafficPoint point{flowBetween(before, after, seconds)};
  point.unixMillis = after.unixMillis;
  point.clients = after.clients;
  point.inFlight = after.inFlight;
  point.held = after.held;
  point.ambiguous = after.ambiguous - before.ambiguous;
  point.retries = after.retries - before.retries;
  const auto all = [](const auto& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  };
  point.redirects = all(after.redirects) - all(before.redirects);
  return point;
}

}  // namespace slotless::observe
