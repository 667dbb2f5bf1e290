// The process that is to take this one's place: started with the listening sockets, it says when it is ready.
//
// Until then it can fail, and then nothing has changed: it accepts nobody before it is ready. Ownership: ends
// the process with itself, unless that was ready. Errors: as texts for the log.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/net/child_process.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/server/passed_on.h"

namespace slotless::server {

class Successor final : private net::Stream::Observer {
 public:
  // One of them is called, once; it may destroy the successor.
  struct Events {
    std::function<void()> ready;  // it accepts clients
    std::function<void(const std::string& why)> failed;
  };

  // nullptr: it could not be started, see the error.
  static std::unique_ptr<Successor> start(net::UvLoop& loop, const Invocation& invocation,
                                          const std::vector<std::unique_ptr<net::Listener>>& listeners,
                                          net::Millis patience, Events events, std::string& error);
  explicit Successor(Events events) : events_(std::move(events)) {}
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  int pid() const { return child_->pid(); }
  bool ready() const noexcept { return ready_; }
  // Everything that both want is free now: the admin address, the pid file.
  void tellDone();

 private:
  void onReadable() override;
  void onWritable() override {}
  void onEnded(std::int64_t code, int signal);
  void fail(const std::string& why);

  Events events_;
  std::unique_ptr<net::ChildProcess> child_;
  std::unique_ptr<net::Stream> channel_;
  std::unique_ptr<net::Timer> patience_;
  bool ready_ = false;
};

}  // namespace slotless::server
