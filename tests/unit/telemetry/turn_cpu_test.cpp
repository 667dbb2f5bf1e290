// Which part of a turn was the thread's own.
#include "proxy/telemetry/turn_cpu.h"

#include "catch.h"

using namespace slotless::telemetry;
using namespace std::chrono_literals;

namespace {

// A thread whose turns last for so long, and which runs for a part of that.
struct ThreadTurns {
  TurnCpu cpu;
  TurnCpu::TimePoint now{1h};
  TurnCpu::Micros used{0};
  int reads = 0;

  TurnCpu::Micros turn(TurnCpu::Micros length, TurnCpu::Micros ran) {
    now += length;
    used += ran;
    return cpu.of(length, now, [this] {
      ++reads;
      return used;
    });
  }
  void sleep(TurnCpu::Micros time) { now += time; }
};

}  // namespace

TEST_CASE("a long turn counts by what its thread has run, and a short one as it is") {
  ThreadTurns thread;
  CHECK(thread.turn(100us, 100us) == 100us);  // the first reading
  thread.sleep(1s);
  CHECK(thread.turn(100us, 50us) == 100us);
  CHECK(thread.turn(30ms, 5ms) == 5ms);
  CHECK(thread.turn(30ms, 30ms) == 30ms);
  thread.sleep(1s);
  CHECK(thread.turn(50ms, 21ms) == 21ms);
}

TEST_CASE("nothing is known of the first turn: it counts as it is") {
  ThreadTurns thread;
  CHECK(thread.turn(30ms, 5ms) == 30ms);
  CHECK(thread.turn(30ms, 5ms) == 5ms);
}

TEST_CASE("of many short turns the clock is not read more than once in a while") {
  ThreadTurns thread;
  for (int i = 0; i < 1000; ++i) thread.turn(100us, 100us);
  CHECK(thread.reads <= 51);
}

TEST_CASE("what short turns before it have run is at most a pause too much, and never more than its length") {
  ThreadTurns thread;
  thread.turn(1ms, 1ms);  // read
  for (int i = 0; i < 19; ++i) thread.turn(100us, 100us);
  CHECK(thread.turn(40ms, 10ms) == 10ms + 1900us);
  for (int i = 0; i < 19; ++i) thread.turn(100us, 100us);
  CHECK(thread.turn(3ms, 3ms) == 3ms);
}
