#include "proxy/net/own_connections.h"

#include "catch.h"

namespace slotless::net {

using namespace std::chrono_literals;

TEST_CASE("the near end of a connection is known for a while after it is gone", "[own]") {
  OwnConnections own;
  const auto begin = OwnConnections::Clock::now();
  own.add("10.0.0.1:1");
  own.add("10.0.0.1:2");
  CHECK(own.contains("10.0.0.1:1"));
  CHECK_FALSE(own.contains("10.0.0.1:3"));
  own.remove("10.0.0.1:1", begin);
  CHECK(own.contains("10.0.0.1:1"));
  own.add("10.0.0.1:1");  // the port is used again
  own.remove("10.0.0.1:2", begin + 11s);
  CHECK(own.contains("10.0.0.1:1"));
  own.remove("10.0.0.1:1", begin + 11s);
  own.add("10.0.0.1:3");
  own.remove("10.0.0.1:3", begin + 30s);
  CHECK_FALSE(own.contains("10.0.0.1:1"));
  CHECK_FALSE(own.contains("10.0.0.1:2"));
  CHECK(own.contains("10.0.0.1:3"));
}

}  // namespace slotless::net
