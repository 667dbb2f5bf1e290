// A worker with its event loop, on a thread of its own.
#pragma once
#include <functional>
#include <memory>
#include <thread>

#include "proxy/net/uv_loop.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/worker/worker.h"

namespace slotless::server {

class WorkerThread {
 public:
  WorkerThread(const config::Config& config, worker::WorkerControl& control, std::size_t index,
               std::uint32_t randomSeed);
  // Stops the loop and waits for the thread.
  ~WorkerThread();

  void start();
  // Waits for the thread's end; what is posted from now on is never run.
  void stop();
  // Runs on the worker's thread.
  void post(std::function<void(worker::Worker&)> task);
  // Another configuration, from the next turn on.
  void setConfig(std::shared_ptr<const config::Config> config);
  const telemetry::WorkerMetrics& metrics() const noexcept { return metrics_; }
  telemetry::WorkerMetrics& metrics() noexcept { return metrics_; }

 private:
  const std::size_t index_;
  telemetry::WorkerMetrics metrics_;
  net::UvLoop loop_;
  std::unique_ptr<worker::Worker> worker_;
  std::thread thread_;
};

}  // namespace slotless::server
