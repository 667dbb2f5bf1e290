// What a command does to a session, by the session's mode and the command's role: one table.
#pragma once
#include <cstdint>
#include <string_view>

#include "protocol/command_spec.h"

namespace slotless::session {

enum class Mode : std::uint8_t {
  Plain,
  Queueing,    // between MULTI and EXEC
  Subscribed,  // RESP2 with at least one subscription
  Monitoring,  // after MONITOR
};
inline constexpr std::size_t kModeCount = static_cast<std::size_t>(Mode::Monitoring) + 1;

enum class Verdict : std::uint8_t {
  Run,      // as outside of any session
  Queue,    // for EXEC
  Begin,    // MULTI
  Execute,  // EXEC
  Discard,
  Watch,
  Unwatch,
  Block,
  Subscribe,
  Unsubscribe,
  Monitor,
  WaitForReplicas,
  Track,
  Reset,
  RefuseNested,
  RefuseExec,
  RefuseDiscard,
  RefuseWatch,
  RefuseInTransaction,
  RefuseSubscribed,
};

Verdict verdictFor(Mode mode, protocol::SessionRole role) noexcept;
std::string_view modeName(Mode mode) noexcept;

}  // namespace slotless::session
