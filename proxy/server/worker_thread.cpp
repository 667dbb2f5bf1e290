#include "proxy/server/worker_thread.h"

#include <string>

#include "protocol/command_ids.h"

namespace slotless::server {

namespace {

int linkKeepalive(const config::Config& config) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(config.linkKeepalive).count());
}

}  // namespace

WorkerThread::WorkerThread(const config::Config& config, worker::WorkerControl& control, std::size_t index,
                           std::uint32_t randomSeed)
    : metrics_(protocol::CommandIds::kCapacity, config.databases > 1 ? config.databases : 0),
      thread_("worker-" + std::to_string(index), linkKeepalive(config)),
      worker_(std::make_unique<worker::Worker>(thread_.loop(), config, control, metrics_, randomSeed)) {}

WorkerThread::~WorkerThread() {
  stop();
  worker_.reset();
}

void WorkerThread::setConfig(std::shared_ptr<const config::Config> config) {
  thread_.loop().post([this, config = std::move(config)] {
    thread_.loop().setKeepalive(linkKeepalive(*config));
    worker_->setConfig(*config);
  });
}

void WorkerThread::post(std::function<void(worker::Worker&)> task) {
  thread_.loop().post([this, task = std::move(task)] { task(*worker_); });
}

}  // namespace slotless::server
