// What happens in a random course, on stderr: SLOTLESS_FUZZ_TRACE=1.
#pragma once
#include <cstdlib>
#include <iostream>

namespace slotless::test {

template <typename... Parts>
void trace(const Parts&... parts) {
  static const bool on = std::getenv("SLOTLESS_FUZZ_TRACE") != nullptr;
  if (on) (std::cerr << ... << parts) << '\n';
}

}  // namespace slotless::test
