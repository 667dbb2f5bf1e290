// The loop's own promises: timers, mailbox, name resolution, the end of a turn.
#include "proxy/net/uv_loop.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.h"
#include "loopback.h"

namespace slotless::net {
namespace {

TEST_CASE("timers fire once each, in the order of their delays", "[loop]") {
  UvLoop loop;
  std::string fired;
  const auto third = loop.makeTimer([&] {
    fired += '3';
    loop.stop();
  });
  const auto second = loop.makeTimer([&] { fired += '2'; });
  const auto first = loop.makeTimer([&] { fired += '1'; });
  third->start(Millis(20));
  second->start(Millis(5));
  first->start(Millis(0));
  CHECK(first->active());
  loop.run();
  CHECK(fired == "123");
  CHECK_FALSE(first->active());
}

TEST_CASE("a timer that was stopped does not fire, and starting again replaces the earlier start", "[loop]") {
  UvLoop loop;
  int stopped = 0;
  int restarted = 0;
  const auto gone = loop.makeTimer([&] { ++stopped; });
  const auto again = loop.makeTimer([&] { ++restarted; });
  const auto last = loop.makeTimer([&] { loop.stop(); });
  gone->start(Millis(0));
  gone->stop();
  CHECK_FALSE(gone->active());
  again->start(Millis(0));
  again->start(Millis(1));
  again->start(Millis(-5));  // in the past: at once
  last->start(Millis(10));
  loop.run();
  CHECK(stopped == 0);
  CHECK(restarted == 1);
}

TEST_CASE("a timer may start itself again, and may be destroyed in its own callback", "[loop]") {
  UvLoop loop;
  int rounds = 0;
  std::unique_ptr<Timer> timer;
  const std::string captured(100, 'c');
  std::string seenAfterwards;
  timer = loop.makeTimer([&, captured] {
    if (++rounds < 3) return timer->start(Millis(0));
    timer.reset();
    seenAfterwards = captured;  // what the callback holds outlives its timer
    loop.stop();
  });
  timer->start(Millis(0));
  loop.run();
  CHECK(rounds == 3);
  CHECK(seenAfterwards == captured);
}

TEST_CASE("the clock never goes back", "[loop]") {
  const UvLoop loop;
  TimePoint last = loop.now();
  for (int i = 0; i < 1000; ++i) {
    const TimePoint now = loop.now();
    CHECK(now >= last);
    last = now;
  }
}

TEST_CASE("posted tasks run in order, also those that tasks post", "[loop]") {
  UvLoop loop;
  std::string order;
  loop.post([&] {
    order += 'a';
    loop.post([&] {
      order += 'c';
      loop.stop();
    });
  });
  loop.post([&] { order += 'b'; });
  CHECK(order.empty());
  loop.run();
  CHECK(order == "abc");
}

TEST_CASE("tasks of several threads all arrive, each thread's in its order", "[loop]") {
  UvLoop loop;
  constexpr int kThreads = 4;
  constexpr int kTasks = 500;
  std::vector<int> next(kThreads, 0);
  bool inOrder = true;
  int arrived = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int task = 0; task < kTasks; ++task) {
        loop.post([&, thread, task] {
          inOrder = inOrder && next[static_cast<std::size_t>(thread)]++ == task;
          if (++arrived == kThreads * kTasks) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (std::thread& thread : threads) thread.join();
  CHECK(arrived == kThreads * kTasks);
  CHECK(inOrder);
}

TEST_CASE("a loop can be run again after it was stopped, and destroyed with tasks still in the mailbox",
          "[loop]") {
  int ran = 0;
  {
    UvLoop loop;
    loop.post([&] {
      ++ran;
      loop.stop();
    });
    loop.run();
    loop.post([&] {
      ++ran;
      loop.stop();
    });
    loop.run();
    loop.post([&] { ++ran; });
  }
  CHECK(ran == 2);
}

TEST_CASE("a numeric host is answered as it is, and not before resolve() has returned", "[loop]") {
  UvLoop loop;
  for (const std::string host : {"127.0.0.1", "::1", "2001:db8::7"}) {
    std::vector<std::string> found;
    bool answered = false;
    const auto lookUp = loop.resolve(host, Millis(10000), [&](const Resolution& resolution) {
      answered = true;
      found = resolution.addresses;
      loop.stop();
    });
    CHECK_FALSE(answered);
    loop.run();
    CHECK(found == std::vector<std::string>{host});
  }
}

TEST_CASE("localhost is looked up, IPv4 before IPv6, each address once", "[loop]") {
  UvLoop loop;
  Resolution found;
  bool returned = false;
  bool early = false;
  const auto lookUp = loop.resolve("localhost", Millis(10000), [&](const Resolution& resolution) {
    early = !returned;
    found = resolution;
    loop.stop();
  });
  returned = true;
  loop.run();
  CHECK_FALSE(early);
  REQUIRE_FALSE(found.addresses.empty());
  CHECK(found.error.empty());
  bool seenIpv6 = false;
  for (const std::string& address : found.addresses) {
    CHECK(isNumericHost(address));
    const bool ipv6 = address.find(':') != std::string::npos;
    CHECK_FALSE((seenIpv6 && !ipv6));
    seenIpv6 = seenIpv6 || ipv6;
    CHECK(std::count(found.addresses.begin(), found.addresses.end(), address) == 1);
  }
}

TEST_CASE("a name that cannot be looked up gives an error and no addresses", "[loop]") {
  UvLoop loop;
  // Refused by the resolver without asking anybody: a label may have 63 bytes.
  for (const std::string& host : {std::string(64, 'x') + ".invalid", std::string(5000, 'x')}) {
    Resolution found;
    const auto lookUp = loop.resolve(host, Millis(10000), [&](const Resolution& resolution) {
      found = resolution;
      loop.stop();
    });
    loop.run();
    CHECK(found.addresses.empty());
    CHECK_FALSE(found.error.empty());
  }
}

TEST_CASE("a turn of many events ends between them, of tasks and of descriptors", "[loop]") {
  UvLoop loop;
  constexpr std::size_t kMany = 3 * UvLoop::kEventsPerTurn;
  std::size_t unflushed = 0;
  std::size_t most = 0;
  std::size_t all = 0;
  const auto event = [&] {
    most = std::max(most, ++unflushed);
    if (++all == 2 * kMany) loop.stop();
  };
  loop.atTurnEnd([&] { unflushed = 0; });
  std::vector<test::Watcher> watchers(kMany);
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<test::Peer>> peers;
  for (test::Watcher& watcher : watchers) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    peers.push_back(std::make_unique<test::Peer>(ends[0]));
    streams.push_back(loop.adopt(ends[1], watcher));
    Stream* stream = streams.back().get();
    watcher.readable = [&, stream] {
      stream->watch(false, false);
      event();
    };
    stream->watch(true, false);
    peers.back()->send("x");
  }
  for (std::size_t i = 0; i < kMany; ++i) loop.post(event);
  loop.run();
  CHECK(all == 2 * kMany);
  CHECK(most <= UvLoop::kEventsPerTurn);
}

TEST_CASE("each turn has some time for long work", "[loop]") {
  UvLoop loop;
  CHECK(loop.hasTimeLeft());  // who tells no turns apart is not to be asked for one
  int turns = 0;
  int refused = 0;
  loop.atTurnEnd([&] { ++turns; });
  for (int round = 0; round < 3; ++round) {
    loop.post([&] {
      CHECK(loop.hasTimeLeft());
      const TimePoint end = loop.now() + UvLoop::kTimeForLongWork;
      while (loop.now() < end) {
      }
      if (!loop.hasTimeLeft()) ++refused;
      loop.stop();
    });
    loop.run();
  }
  CHECK(refused == 3);
  CHECK(turns >= 3);
}

TEST_CASE("the end of a turn comes after every task and timer, before the loop waits", "[loop]") {
  UvLoop loop;
  int pending = 0;
  int flushed = 0;
  loop.atTurnEnd([&] { flushed += std::exchange(pending, 0); });
  const auto timer = loop.makeTimer([&] {
    ++pending;
    // Runs when the loop has waited: what the timer produced must have been flushed by then.
    loop.post([&] {
      CHECK(flushed == 2);
      loop.stop();
    });
  });
  loop.post([&] {
    ++pending;
    timer->start(Millis(1));
  });
  loop.run();
  CHECK(flushed == 2);
  CHECK(pending == 0);
}

TEST_CASE("addresses are written with brackets where IPv6 needs them", "[loop]") {
  CHECK(Address{"10.0.0.1", 6379}.text() == "10.0.0.1:6379");
  CHECK(Address{"::1", 7000}.text() == "[::1]:7000");
  CHECK(Address{"redis.example", 1}.text() == "redis.example:1");
  CHECK(isNumericHost("10.0.0.1"));
  CHECK(isNumericHost("fe80::1"));
  for (const char* name : {"", "localhost", "10.0.0", "10.0.0.256", "[::1]"})
    CHECK_FALSE(isNumericHost(name));
}

}  // namespace
}  // namespace slotless::net
