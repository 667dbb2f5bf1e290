// Whether loops turn, by a fake clock.
#include "proxy/net/heartbeat.h"

#include <array>

#include "catch.h"
#include "fake_loop.h"

namespace slotless::test {

using net::Heartbeat;
using net::Millis;

TEST_CASE("a loop that turns is not stuck, however long nothing else happens", "[heartbeat]") {
  FakeLoop loop;
  const Heartbeat heartbeat(loop, "worker-0");
  const std::array<const Heartbeat*, 1> beats{&heartbeat};
  for (int i = 0; i < 60; ++i) {
    loop.advance(Heartbeat::kInterval);
    CHECK_FALSE(net::stuckLoops(beats, loop.now(), Millis(600)));
  }
}

TEST_CASE("loops that have not turned for too long are named with their time", "[heartbeat]") {
  FakeLoop turning;
  FakeLoop stuck;
  const Heartbeat first(turning, "control");
  const Heartbeat second(stuck, "worker-0");
  const Heartbeat third(stuck, "worker-1");
  const std::array<const Heartbeat*, 3> beats{&first, &second, &third};
  turning.advance(Millis(5000));
  CHECK_FALSE(net::stuckLoops(beats, turning.now(), Millis(5000)));
  turning.advance(Millis(1));
  CHECK(net::stuckLoops(beats, turning.now(), Millis(5000)) ==
        "worker-0 has not turned for 5001 ms, worker-1 has not turned for 5001 ms");
  stuck.advance(Millis(5001));
  CHECK_FALSE(net::stuckLoops(beats, turning.now(), Millis(5000)));
}

}  // namespace slotless::test
