// The time-out of a command that blocks, as servers read it. Pure.
//
// Source: Redis 7.0.15 and 7.2 timeout.c getTimeoutFromObjectOrReply(), util.c string2ld().
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/net/loop.h"

namespace slotless::session {

struct WaitTime {
  std::string_view objection;         // a server's words, if it would not take it
  std::optional<net::Millis> length;  // nullopt: without end, or for longer than anything lasts
};

// `now`, in milliseconds since 1970: servers from 7.2 on object to what ends beyond all numbers. nullopt: the
// server is older, and does not look.
WaitTime readWaitTime(std::string_view text, bool inMilliseconds, std::optional<std::int64_t> now);

}  // namespace slotless::session
