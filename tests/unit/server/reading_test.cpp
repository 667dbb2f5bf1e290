// The configuration is read beside the loop.
#include "proxy/server/reading.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <variant>

#include "catch.h"

using namespace slotless;
using server::Reading;

TEST_CASE("what is read beside the loop is told on it, and the loop goes on meanwhile") {
  net::UvLoop loop;
  std::mutex mutex;
  std::condition_variable changed;
  bool turned = false;
  const auto timer = loop.makeTimer([&] {
    const std::lock_guard guard(mutex);
    turned = true;
    changed.notify_all();
  });
  timer->start(net::Millis(10));
  std::unique_ptr<Reading> reading;
  std::size_t errors = 0;
  reading = std::make_unique<Reading>(
      loop,
      [&]() -> config::LoadResult {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return turned; });
        return config::Errors{{"file", "", "wrong"}, {"file", "", "wrong, too"}};
      },
      [&](const config::LoadResult& loaded) {
        reading.reset();  // as the server does
        errors = std::get<config::Errors>(loaded).size();
        loop.stop();
      });
  loop.run();
  CHECK(errors == 2);
}

TEST_CASE("nobody waits for a reading that does not end when it is given up") {
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
  };
  const auto gate = std::make_shared<Gate>();
  bool told = false;
  {
    net::UvLoop loop;
    const Reading reading(
        loop,
        [gate]() -> config::LoadResult {
          std::unique_lock lock(gate->mutex);
          gate->changed.wait(lock, [&] { return gate->open; });
          return config::Errors{};
        },
        [&](const config::LoadResult&) { told = true; });
  }
  const std::lock_guard guard(gate->mutex);
  gate->open = true;
  gate->changed.notify_all();
  CHECK_FALSE(told);
}
