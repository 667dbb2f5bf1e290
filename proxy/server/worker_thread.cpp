#include "proxy/server/worker_thread.h"

#include <pthread.h>

#include <string>

#include "protocol/command_ids.h"

namespace slotless::server {

namespace {

net::SocketOptions socketOptions(const config::Config& config) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  return {static_cast<int>(duration_cast<seconds>(config.tcpKeepalive).count()),
          static_cast<int>(duration_cast<seconds>(config.linkKeepalive).count())};
}

}  // namespace

WorkerThread::WorkerThread(const config::Config& config, worker::WorkerControl& control, std::size_t index,
                           std::uint32_t randomSeed)
    : index_(index),
      metrics_(protocol::CommandIds::kCapacity, config.databases > 1 ? config.databases : 0),
      loop_(socketOptions(config)),
      worker_(std::make_unique<worker::Worker>(loop_, config, control, metrics_, randomSeed)) {}

WorkerThread::~WorkerThread() {
  stop();
  worker_.reset();
}

void WorkerThread::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void WorkerThread::start() {
  thread_ = std::thread([this] { loop_.run(); });
  pthread_setname_np(thread_.native_handle(), ("worker-" + std::to_string(index_)).c_str());
}

void WorkerThread::setConfig(std::shared_ptr<const config::Config> config) {
  loop_.post([this, config = std::move(config)] {
    loop_.setSocketOptions(socketOptions(*config));
    worker_->setConfig(*config);
  });
}

void WorkerThread::post(std::function<void(worker::Worker&)> task) {
  loop_.post([this, task = std::move(task)] { task(*worker_); });
}

}  // namespace slotless::server
