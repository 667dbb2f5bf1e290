// What every TCP connection of the daemon is told when it is made: small writes leave at once, and the kernel
// asks after a peer that has been silent for long.
#pragma once

namespace slotless::net {

// Seconds of silence; 0: the kernel never asks. Of a listening socket: connections that it accepts from now
// on have the same (Linux), which saves them five calls each. Fails harmlessly on Unix sockets.
void tuneTcp(int descriptor, int keepaliveSeconds) noexcept;

}  // namespace slotless::net
