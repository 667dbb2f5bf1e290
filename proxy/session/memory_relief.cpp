#include "proxy/session/memory_relief.h"

#include <algorithm>
#include <vector>

#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/session/worker_poll.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

struct Largest {
  std::uint64_t client = 0;
  std::size_t bytes = 0;
};

Largest largestOf(const Services& services) {
  Largest largest;
  for (const auto& [id, client] : services.clients) {
    const std::size_t bytes = client->footprint();
    if (client->state() != ClientState::Closed && bytes > largest.bytes) largest = {id, bytes};
  }
  return largest;
}

void closeFor(Services& services, const Largest& offender) {
  const auto found = services.clients.find(offender.client);
  if (found == services.clients.end()) return;
  services.metrics.limits[static_cast<std::size_t>(telemetry::Limit::Memory)].add();
  log::warn("client closed", {{"client", offender.client},
                              {"peer", found->second->peer().text()},
                              {"reason", "memory-limit"},
                              {"bytes", offender.bytes}});
  found->second->close("memory limit");
}

}  // namespace

void MemoryRelief::note(std::size_t bytes) {
  services_.metrics.bufferBytes.set(static_cast<std::int64_t>(bytes));
  if (services_.config.memoryLimit == 0 || closing_) return;
  lookedAt_ = std::min(lookedAt_, bytes);
  if (bytes - lookedAt_ < kStepBytes) return;
  if (total() > services_.config.memoryLimit) return closeLargest();
  lookedAt_ = bytes;
}

std::size_t MemoryRelief::total() const {
  std::size_t bytes = 0;
  services_.control.visitMetrics([&](const telemetry::WorkerMetrics& metrics) {
    bytes += static_cast<std::size_t>(metrics.bufferBytes.value());
  });
  return bytes;
}

void MemoryRelief::closeLargest() {
  closing_ = true;
  Services& home = services_;
  askWorkers<Largest>(
      home, [](Services& there, std::size_t) { return largestOf(there); },
      [this](std::vector<Largest> found) {
        const auto offender = std::max_element(
            found.begin(), found.end(), [](const Largest& a, const Largest& b) { return a.bytes < b.bytes; });
        if (offender == found.end() || offender->bytes < kWorthwhileBytes) {
          closing_ = false;
          lookedAt_ = static_cast<std::size_t>(services_.metrics.bufferBytes.value());
          return;
        }
        const auto worker = static_cast<std::size_t>(offender - found.begin());
        // Only when it is gone is there a use in looking again.
        askWorkers<char>(
            services_,
            [largest = *offender, worker](Services& there, std::size_t number) {
              if (number == worker) closeFor(there, largest);
              return char{};
            },
            [this](const std::vector<char>&) { closing_ = false; });
      });
}

}  // namespace slotless::session
