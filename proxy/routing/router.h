// Makes the plan for a request out of the command's spec and its arguments. Pure: no I/O, no state but
// scratch space.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/plan.h"

namespace slotless::routing {

inline constexpr std::string_view kCrossSlot = "CROSSSLOT Keys in request don't hash to the same slot";

class Router {
 public:
  // `splitAllowed`: multi-key commands that can be split by slot are; otherwise they give CROSSSLOT like the
  // others.
  explicit Router(bool splitAllowed) : splitAllowed_(splitAllowed) { partOfSlot_.fill(kNoPart); }

  void allowSplit(bool allowed) noexcept { splitAllowed_ = allowed; }
  // Requires that the arity fits.
  void plan(const protocol::CommandSpec& spec, protocol::Argv argv, Plan& plan);

 private:
  static constexpr std::uint16_t kNoPart = 0xFFFF;

  void planKeys(const protocol::CommandSpec& spec, protocol::Argv argv, Plan& plan);
  void split(Plan& plan);

  bool splitAllowed_;
  std::array<std::uint16_t, protocol::kSlotCount> partOfSlot_;
  std::vector<protocol::Slot> slots_;
};

// The merge for a command that has gone to several nodes or slots.
Merge mergeFor(const protocol::CommandSpec& spec);

}  // namespace slotless::routing
