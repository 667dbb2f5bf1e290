// SIGTERM and SIGINT: the process ends when it has come to a place where it may; a second one ends it at
// once.
#pragma once

namespace slotless::subcommand {

void catchStopSignals();
bool stopSignalled() noexcept;

}  // namespace slotless::subcommand
