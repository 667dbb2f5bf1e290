// Reads of clients that are to be asked again on both sides (shadow-sample), from the workers to the one
// thread that does it. The workers never wait for room: what has none is dropped and counted. The lock is held
// for as long as one is put in or taken out.
//
// Thread-safe.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/comparable_reply.h"

namespace slotless::observe {

// As its client has said it, in the names of its database.
struct ShadowSample {
  std::string command;  // "get", "object|help"
  std::uint32_t database = 0;
  std::vector<std::string> words = {};
  std::vector<std::uint32_t> keys = {};  // which of the words
  protocol::ReplyOrder order = protocol::ReplyOrder::Kept;

  std::size_t bytes() const noexcept;
};

class ShadowQueue {
 public:
  static constexpr std::size_t kMostSamples = 4096;
  static constexpr std::size_t kMostBytes = std::size_t{4} * 1024 * 1024;
  static constexpr std::size_t kMostWordBytes = std::size_t{64} * 1024;  // of one sample

  static ShadowQueue& ofProcess();

  // Takes it, or drops and counts it.
  void offer(ShadowSample sample);
  // The oldest one; nullopt: there was none for that time, or wake() was called. It counts until it is
  // settled.
  std::optional<ShadowSample> take(std::chrono::milliseconds patience);
  // Of one that was taken: it is held no longer.
  void settle(const ShadowSample& sample);
  void wake();

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<ShadowSample> samples_;
  std::size_t held_ = 0;   // with those that were taken and are not settled
  std::size_t bytes_ = 0;  // of these
  bool woken_ = false;
};

}  // namespace slotless::observe
