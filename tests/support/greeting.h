// What the proxy says first on a connection to a node, where it has neither password nor name, and what a
// node answers.
#pragma once
#include <string>
#include <string_view>

#include "fake_connection.h"

namespace slotless::test {

inline constexpr std::string_view kGreeting =
    "*1\r\n$4\r\nPING\r\n*3\r\n$6\r\nCLIENT\r\n$8\r\nNO-EVICT\r\n$2\r\non\r\n";
inline constexpr std::string_view kGreeted = "+PONG\r\n+OK\r\n";

// A node that accepts, and answers the greeting.
inline void acceptAndGreet(FakeConnection& connection) {
  connection.accept();
  connection.push(kGreeted);
}

// What has been written since, but for the greeting.
inline std::string takeRequests(FakeConnection& connection) {
  std::string written = connection.takeWritten();
  if (written.starts_with(kGreeting)) written.erase(0, kGreeting.size());
  return written;
}

}  // namespace slotless::test
