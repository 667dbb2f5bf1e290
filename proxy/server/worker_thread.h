// A worker with its event loop, on a thread of its own.
#pragma once
#include <functional>
#include <memory>

#include "proxy/server/loop_thread.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/worker/worker.h"

namespace slotless::server {

class WorkerThread {
 public:
  WorkerThread(const config::Config& config, worker::WorkerControl& control, std::size_t index,
               std::uint32_t randomSeed);
  // Stops the loop and waits for the thread.
  ~WorkerThread();

  void start() { thread_.start(); }
  // Waits for the thread's end; what is posted from now on is never run.
  void stop() { thread_.stop(); }
  // Runs on the worker's thread.
  void post(std::function<void(worker::Worker&)> task);
  // Another configuration, from the next turn on.
  void setConfig(std::shared_ptr<const config::Config> config);
  const net::Heartbeat& heartbeat() const noexcept { return thread_.heartbeat(); }
  const telemetry::WorkerMetrics& metrics() const noexcept { return metrics_; }
  telemetry::WorkerMetrics& metrics() noexcept { return metrics_; }

 private:
  telemetry::WorkerMetrics metrics_;
  LoopThread thread_;
  std::unique_ptr<worker::Worker> worker_;
};

}  // namespace slotless::server
