// Keeps all buffers together within memory-limit: when they exceed it, the clients that hold most of them are
// closed, the largest first, whichever worker they are on.
//
// Each worker publishes what it holds; the one that notices asks all of them for their largest client. One
// round at a time for a worker: the next one begins when the memory is free and is not enough.
#pragma once
#include <cstddef>

namespace slotless::session {

struct Services;

class MemoryRelief {
 public:
  explicit MemoryRelief(Services& services) : services_(services) {}

  // Once per turn. `bytes`: what this worker holds.
  void note(std::size_t bytes);

 private:
  std::size_t total() const;
  void closeLargest();

  // Other workers are looked at only after this one has grown by so much.
  static constexpr std::size_t kStepBytes = 256U * 1024;
  // Nobody is closed who holds less: memory is short for another reason then.
  static constexpr std::size_t kWorthwhileBytes = 64U * 1024;

  Services& services_;
  std::size_t lookedAt_ = 0;  // what this worker held then
  bool closing_ = false;
};

}  // namespace slotless::session
