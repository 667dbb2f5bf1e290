// The process whose place this one takes: it goes on serving until it hears that this one is ready.
#pragma once
#include <functional>
#include <memory>

#include "proxy/net/loop.h"

namespace slotless::server {

class Predecessor final : private net::Stream::Observer {
 public:
  // `done` is called once: it has left everything to this process, or is gone. `channel` is taken over.
  Predecessor(net::Loop& loop, int channel, std::function<void()> done);
  Predecessor(const Predecessor&) = delete;
  Predecessor& operator=(const Predecessor&) = delete;

  void tellReady();

 private:
  void onReadable() override;
  void onWritable() override {}

  std::function<void()> done_;
  std::unique_ptr<net::Stream> channel_;
};

}  // namespace slotless::server
