// Those of one worker who wait for a key in several slots: what they are told of keys, and of their turn.
//
// Ownership: the worker's; the lines are the process's.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/session/waiting_lines.h"
#include "proxy/tracking/key_watcher.h"

namespace slotless::session {

class Waiting;

class WaitingRoom final : private WaitingLines::Keeper {
 public:
  WaitingRoom(Context& context, Trackers& trackers, WaitingLines& lines)
      : context_(context), lines_(lines), watcher_(context, trackers) {}

  KeyWatcher& watcher() noexcept { return watcher_; }
  // As WaitingLines'. It hears of its turn by Waiting::onFirst() until it leaves.
  std::uint64_t join(Waiting& waiting, const std::vector<std::string>& lines, std::vector<bool>& isFirst);
  void leave(const std::vector<std::string>& lines, std::uint64_t ticket);

 private:
  void onFirst(std::uint64_t ticket, const std::string& line) override;

  Context& context_;
  WaitingLines& lines_;
  KeyWatcher watcher_;
  std::unordered_map<std::uint64_t, Waiting*> waiting_;  // by ticket
};

}  // namespace slotless::session
