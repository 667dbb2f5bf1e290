#include "proxy/server/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "proxy/telemetry/log.h"

namespace slotless::server {

namespace {
// A quarter and what the process has open by itself, within these bounds: a worker has few links, but each
// client may come to have a lease.
constexpr std::uint64_t kOwn = 8;
constexpr std::uint64_t kFewestKept = 56;
constexpr std::uint64_t kMostKept = 1024;
}  // namespace

std::uint64_t keptDescriptors(std::uint64_t limit) noexcept {
  return std::clamp(limit / 4 + kOwn, kFewestKept, kMostKept);
}

std::uint64_t clientsThatFit(std::uint64_t limit) noexcept {
  const std::uint64_t kept = keptDescriptors(limit);
  return limit > kept ? limit - kept : 1;
}

std::uint64_t raiseDescriptorLimit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::uint64_t>::max();
  const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return before;
  return limit.rlim_cur;
}

config::Config withinDescriptors(config::Config config) {
  const std::uint64_t limit = raiseDescriptorLimit();
  const std::uint64_t fitting = clientsThatFit(limit);
  if (config.maxClients <= fitting) return config;
  log::always(log::Level::Warn, "max-clients is lowered to what the limit of descriptors allows",
              {{"max_clients", config.maxClients},
               {"lowered_to", fitting},
               {"descriptors", limit},
               {"kept_for_nodes_and_probes", keptDescriptors(limit)}});
  config.maxClients = fitting;
  return config;
}

config::LoadResult withinDescriptors(config::LoadResult loaded) {
  auto* config = std::get_if<config::Config>(&loaded);
  if (config == nullptr) return loaded;
  return withinDescriptors(std::move(*config));
}

}  // namespace slotless::server
