// Traffic between two samples of the same counters: those of the process, or of one node.
#pragma once
#include "proxy/observe/sample.h"

namespace slotless::observe {

struct Flow {
  double requests = 0;  // per second, as all rates
  double errors = 0;
  double bytesReceived = 0;
  double bytesSent = 0;
  double p50Micros = 0;
  double p99Micros = 0;
};

// A count that has become smaller has begun anew, as that of a node that has been gone for long: no rate of
// it is known.
template <class Counters>
Flow flowBetween(const Counters& before, const Counters& now, double seconds) {
  const auto rate = [&](std::uint64_t Counters::*count) {
    return seconds > 0 && now.*count > before.*count
               ? static_cast<double>(now.*count - before.*count) / seconds
               : 0.0;
  };
  const Buckets latency = minus(now.latency, before.latency);
  return {rate(&Counters::requests),  rate(&Counters::errors),      rate(&Counters::bytesReceived),
          rate(&Counters::bytesSent), quantileMicros(latency, 0.5), quantileMicros(latency, 0.99)};
}

}  // namespace slotless::observe
