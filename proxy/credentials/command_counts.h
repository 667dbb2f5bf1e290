// How password-command fares, for metrics. Written by the source's loop; safe to read on any thread.
#pragma once
#include <atomic>
#include <cstdint>

#include "proxy/net/loop.h"

namespace slotless::credentials {

struct CommandCounts {
  std::atomic<std::uint64_t> runs{0};
  std::atomic<std::uint64_t> failures{0};  // runs that brought nothing
  // When the last password that was told expires; TimePoint{}: it does not say, or there is none.
  std::atomic<net::TimePoint> expiresAt{net::TimePoint{}};
};

}  // namespace slotless::credentials
