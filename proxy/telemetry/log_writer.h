// Writes finished log lines to stderr on a thread of its own, so that nobody ever waits for whoever reads it.
//
// Lines wait in a queue of kQueuedLines; when it is full the oldest is given up for the newest, and counted.
// The reader is told how many are missing as soon as it reads again. Thread-safe. Never torn down: threads
// may log while the process ends, and a thread that is stuck in write() must not keep it from ending.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/telemetry/log.h"

namespace slotless::log::detail {

inline constexpr std::size_t kQueuedLines = 1024;

// `line`: as formatLine() or formatJson() has made it, of that format; gets the time of this call in front.
void post(Level level, Format format, std::string_view line);
// Starts the thread, so that the first line does not have to.
void startWriter();
// True: all that had been posted is written or given up. False: time was up before.
bool waitForWriter(std::chrono::milliseconds atMost);
std::uint64_t lostLines() noexcept;

}  // namespace slotless::log::detail
