// Which keys are used most, of all threads that serve clients. One request of hot-keys-sample is looked at:
// the others cost one number that is counted down.
//
// Each thread has a sketch of its own, from its first sample on. Reading them waits for nobody but a reader:
// a thread whose sketch is just being read leaves its sample out.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/telemetry/key_sketch.h"

namespace slotless::telemetry {

struct HotKey {
  std::uint32_t database = 0;
  std::uint16_t slot = 0;
  std::string name;            // the beginning of it
  std::uint64_t keyBytes = 0;  // how long the key is
  double usesPerSecond = 0;
  double writesPerSecond = 0;
  double bytesPerSecond = 0;  // of requests
  // Of `usesPerSecond` so much may belong to other keys.
  double excessPerSecond = 0;
};

struct HotKeyList {
  std::vector<HotKey> keys;  // those used most first
  double usesPerSecond = 0;  // of all keys
};

class HotKeys {
 public:
  using TimePoint = KeySketch::TimePoint;

  // Whether the calling thread looks at the request at hand. Then one of add() and skip() follows.
  static bool isNext() noexcept { return --left_ == 0; }
  // `every`: hot-keys-sample. For use.weight requests are looked at one by one.
  static void add(const KeyUse& use, std::uint64_t every, TimePoint now);
  // Nothing is there to be added. 0: it is off, and what was counted is forgotten.
  static void skip(std::uint64_t every);
  // hot-keys-sample may be another one: the thread looks at its next request.
  static void lookSoon() noexcept { left_ = 1; }

  static HotKeyList all(TimePoint now);
  static void clear(TimePoint now);

 private:
  // How many requests of the thread are left until one is looked at.
  static inline constinit thread_local std::uint32_t left_ = 1;
};

}  // namespace slotless::telemetry
