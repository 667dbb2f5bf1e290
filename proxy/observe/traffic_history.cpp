#include "proxy/observe/traffic_history.h"

#include <numeric>

namespace slotless::observe {

TrafficPoint pointBetween(const Sample& before, const Sample& after) {
  TrafficPoint point;
  point.unixMillis = after.unixMillis;
  const double seconds = std::chrono::duration<double>(after.at - before.at).count();
  const auto rate = [&](std::uint64_t Sample::*count) {
    return seconds > 0 ? static_cast<double>(after.*count - before.*count) / seconds : 0.0;
  };
  point.requests = rate(&Sample::requests);
  point.errors = rate(&Sample::errors);
  point.bytesReceived = rate(&Sample::bytesReceived);
  point.bytesSent = rate(&Sample::bytesSent);
  const Buckets latency = minus(after.latency, before.latency);
  point.p50Micros = quantileMicros(latency, 0.5);
  point.p99Micros = quantileMicros(latency, 0.99);
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
