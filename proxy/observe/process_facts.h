// Numbers over all workers, and facts of the process: for INFO.
#pragma once
#include <cstdint>
#include <functional>

#include "proxy/telemetry/worker_metrics.h"

namespace slotless::session {

struct ProcessFacts {
  std::int64_t clients = 0;
  std::int64_t blockedClients = 0;
  std::int64_t trackingClients = 0;
  std::uint64_t clientsAccepted = 0;
  std::uint64_t clientsRejected = 0;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytesReceived = 0;
  std::uint64_t bytesSent = 0;
  std::int64_t uptimeSeconds = 0;
  std::uint64_t residentBytes = 0;
  std::uint64_t programBytes = 0;  // of these, code and other mapped files
  std::uint64_t heapBytes = 0;     // allocated, see net/heap_account.h
  std::uint64_t scriptBytes = 0;   // of these, the scripts that are remembered
};

// Safe to call on any worker.
class ProcessCounters {
 public:
  // Since the start.
  virtual ProcessFacts facts() const = 0;
  // The counters of all workers.
  virtual void visitMetrics(const std::function<void(const telemetry::WorkerMetrics&)>& visit) const = 0;

 protected:
  ~ProcessCounters() = default;
};

}  // namespace slotless::session
