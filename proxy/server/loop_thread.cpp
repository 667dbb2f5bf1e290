#include "proxy/server/loop_thread.h"

#include <pthread.h>

#include <utility>

namespace slotless::server {

LoopThread::LoopThread(std::string name, int keepaliveSeconds)
    : name_(std::move(name)), loop_(keepaliveSeconds), heartbeat_(loop_, name_) {}

LoopThread::~LoopThread() {
  stop();
}

void LoopThread::start() {
  thread_ = std::thread([this] { loop_.run(); });
  pthread_setname_np(thread_.native_handle(), name_.c_str());
}

void LoopThread::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

}  // namespace slotless::server
