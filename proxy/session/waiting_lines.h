// Who waits for a key in several slots, in the order of their coming: whoever has waited longest is served
// first, whichever worker's client that is. Only the first of a line looks whether there is something.
//
// One for the process. Safe on any thread.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace slotless::session {

class WaitingLines {
 public:
  // A worker, for those who wait there.
  class Keeper {
   public:
    // The first one of that line is this one now. On any thread, and not to call these lines.
    virtual void onFirst(std::uint64_t ticket, const std::string& line) = 0;

   protected:
    ~Keeper() = default;
  };

  // Who comes now takes its place in all of these, behind all others. `isFirst` is told of each. Until
  // leave() the keeper has to be there.
  std::uint64_t join(const std::vector<std::string>& lines, Keeper& keeper, std::vector<bool>& isFirst);
  void leave(const std::vector<std::string>& lines, std::uint64_t ticket);

 private:
  std::mutex mutex_;
  std::uint64_t lastTicket_ = 0;
  std::unordered_map<std::string, std::map<std::uint64_t, Keeper*>> lines_;
};

}  // namespace slotless::session
