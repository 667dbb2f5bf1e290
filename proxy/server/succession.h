// What a process and its successor say to each other: one byte each.
#pragma once
#include <cstdint>

#include "proxy/net/loop.h"

namespace slotless::server {

enum class Word : char {
  Ready = 'R',  // the successor: I accept clients
  Done = 'D',   // the predecessor: what we both want is yours
};

enum class Heard : std::uint8_t { Nothing, Ready, Done, End };

// Who is not there any more does not hear it.
void say(net::Stream& channel, Word word);
Heard hear(net::Stream& channel);

}  // namespace slotless::server
