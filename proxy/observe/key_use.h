// Which keys are used most, and which are large: counted by samples of one worker's requests, in constant
// memory.
//
// Of the requests every one is looked at while there are few, and one of 256 while there are many: at most
// some hundred looks a second. Each look counts for the requests that have passed since the last. The keys
// that stand out are kept by "space saving": where all places are taken, a new key takes that of the least
// used one and inherits its count, so that a key which gets more than its share is never missed, and what is
// told of one is too high by `doubt` at most. All fades with a time constant of a minute.
//
// Times are the steady clock's. Keys are shown cut; two that begin alike are told apart nevertheless.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/net/loop.h"

namespace slotless::session {

// A second, over the last minute or so.
struct HotKey {
  std::string key;  // as its clients call it, of a long one the beginning
  std::uint64_t hash = 0;
  std::uint32_t database = 0;
  std::string node;  // that has answered last
  double reads = 0;
  double writes = 0;
  double bytes = 0;  // of requests and replies
  double doubt = 0;  // of reads and writes together

  double requests() const noexcept { return reads + writes; }
};

struct BigKey {
  std::string key;
  std::uint64_t hash = 0;
  std::uint32_t database = 0;
  std::string node;
  std::string command;
  std::uint64_t bytes = 0;  // of the largest request or reply about it
  bool reply = false;
  std::int64_t unixTime = 0;  // when that was
};

enum class HotBy : std::uint8_t { Requests, Reads, Writes, Bytes };

// One request about one key.
struct KeySight {
  std::string_view key;
  std::uint32_t database = 0;
  std::string_view node;
  bool writes = false;
  std::size_t requestBytes = 0;
  std::size_t replyBytes = 0;
};

class KeyUse {
 public:
  // From here on a request or a reply is large.
  static constexpr std::size_t kLarge = 1024 * 1024;
  static constexpr std::size_t kPlaces = 128;
  static constexpr std::size_t kLargest = 64;
  static constexpr std::size_t kMostShown = 128;

  explicit KeyUse(const config::Config& config) : config_(config) {}

  // Is this request to be looked at? The one question that every request asks.
  bool wants(std::size_t bytes) noexcept { return (--left_ == 0) | (bytes >= kLarge); }

  // What was wanted: how many requests it stands for; 0: nothing is kept (hot-keys no), or it is only large.
  std::uint32_t begin(net::TimePoint now);
  void note(const KeySight& sight, std::uint32_t weight);
  void noteLarge(const KeySight& sight, std::string_view command);

  bool on() const noexcept { return config_.hotKeys; }
  std::uint32_t interval() const noexcept { return interval_; }

  // Of one worker, in no order.
  std::vector<HotKey> hot(net::TimePoint now);
  const std::vector<BigKey>& big() const noexcept { return big_; }
  void clear();

 private:
  struct Place {
    HotKey use;  // sums that fade, not yet a second's
    double weight = 0;
  };
  // The same twice: those with most requests, and those with most bytes.
  struct Ranking {
    std::vector<Place> places;
    Place& placeOf(const KeySight& sight, std::uint64_t hash, double weight);
  };

  void fade(net::TimePoint now);
  std::uint32_t random() noexcept;

  const config::Config& config_;
  std::uint32_t left_ = 1;
  std::uint32_t interval_ = 1;
  std::uint32_t step_ = 1;  // from the last look to the next one
  std::uint32_t seed_ = 0x9E3779B9U;
  net::TimePoint looked_{};
  net::TimePoint faded_{};
  net::TimePoint began_{};
  Ranking byRequests_;
  Ranking byBytes_;
  std::vector<BigKey> big_;
};

// All workers' as one: the first `most` by what is asked for.
std::vector<HotKey> mergeHot(const std::vector<std::vector<HotKey>>& parts, HotBy by, std::size_t most);
std::vector<BigKey> mergeBig(const std::vector<std::vector<BigKey>>& parts, std::size_t most);

// For a line of text: bytes that are no plain letters as \xNN.
std::string shownKey(std::string_view key);

}  // namespace slotless::session
