// An event loop on a thread of its own, which beats.
#pragma once
#include <string>
#include <thread>

#include "proxy/net/heartbeat.h"
#include "proxy/net/uv_loop.h"

namespace slotless::server {

class LoopThread {
 public:
  // At most 15 bytes.
  explicit LoopThread(std::string name, int keepaliveSeconds = 15);
  // As stop().
  ~LoopThread();

  void start();
  // Waits for the thread's end; what is posted from now on is never run.
  void stop();
  net::UvLoop& loop() noexcept { return loop_; }
  const net::Heartbeat& heartbeat() const noexcept { return heartbeat_; }

 private:
  const std::string name_;
  net::UvLoop loop_;
  const net::Heartbeat heartbeat_;
  std::thread thread_;
};

}  // namespace slotless::server
