// The scripts that the node at the other end of a link is known to have, since the link was made: by SHA1.
//
// Only a guess about the node: somebody may have flushed its scripts directly.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>

namespace slotless::upstream {

class ScriptMemory {
 public:
  // `generation` changes when scripts are flushed; what was known before counts no more.
  bool knows(const std::string& sha, std::uint64_t generation) const {
    return generation == generation_ && known_.contains(sha);
  }
  // False: it was known.
  bool add(const std::string& sha, std::uint64_t generation) {
    if (generation != generation_ || known_.size() >= kMost) known_.clear();
    generation_ = generation;
    return known_.insert(sha).second;
  }
  void forget() { known_.clear(); }

 private:
  static constexpr std::size_t kMost = 1024;
  std::unordered_set<std::string> known_;
  std::uint64_t generation_ = 0;
};

}  // namespace slotless::upstream
