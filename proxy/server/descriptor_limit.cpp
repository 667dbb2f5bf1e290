#include "proxy/server/descriptor_limit.h"

#include <sys/resource.h>

#include "proxy/telemetry/log.h"

namespace slotless::server {

namespace {
// Descriptors beside clients: links, listeners, admin HTTP, the libraries' own.
constexpr std::uint64_t kReservedDescriptors = 256;
}  // namespace

void checkDescriptorLimit(std::uint64_t maxClients) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t wanted = maxClients + kReservedDescriptors;
  if (limit.rlim_cur < wanted) {
    log::warn("too few file descriptors for max-clients", {{"limit", limit.rlim_cur}, {"wanted", wanted}});
  }
}

}  // namespace slotless::server
