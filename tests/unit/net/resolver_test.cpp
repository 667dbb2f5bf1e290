// Look-ups that end late, or never.
#include "proxy/net/resolver.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "catch.h"
#include "proxy/net/uv_loop.h"

namespace slotless::net {
namespace {

using namespace std::chrono_literals;

// A name server that answers when it is told to; what its look-ups wait for outlives the test.
struct NameServer {
  std::mutex mutex;
  std::condition_variable changed;
  bool answers = false;
  std::vector<std::string> asked;

  Resolution lookUp(const std::string& host) {
    std::unique_lock lock(mutex);
    asked.push_back(host);
    changed.notify_all();
    changed.wait(lock, [this, &host] { return answers || host == "quick"; });
    return {{"10.0.0." + std::to_string(host.size())}, {}};
  }
  void answer() {
    const std::lock_guard guard(mutex);
    answers = true;
    changed.notify_all();
  }
  void awaitQuestions(std::size_t count) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 10s, [&] { return asked.size() >= count; }));
  }
};

std::unique_ptr<Resolver> resolverAt(const std::shared_ptr<NameServer>& server) {
  return std::make_unique<Resolver>([server](const std::string& host) { return server->lookUp(host); });
}

}  // namespace

TEST_CASE("the end of a loop does not wait for a look-up under way", "[loop]") {
  const auto server = std::make_shared<NameServer>();
  const auto resolver = resolverAt(server);
  bool told = false;
  {
    UvLoop loop({}, *resolver);
    const auto lookUp = loop.resolve("silent", Millis(10000), [&](const Resolution&) { told = true; });
    server->awaitQuestions(1);
  }  // would hang here
  server->answer();
  CHECK_FALSE(told);
}

TEST_CASE("the end of a resolver does not wait either, and nobody is told afterwards", "[loop]") {
  const auto server = std::make_shared<NameServer>();
  auto resolver = resolverAt(server);
  bool told = false;
  const auto question = resolver->resolve("silent", [&](const Resolution&) { told = true; });
  server->awaitQuestions(1);
  resolver.reset();
  server->answer();
  std::this_thread::sleep_for(20ms);
  CHECK_FALSE(told);
}

TEST_CASE("a name that is not found out does not keep others from being", "[loop]") {
  const auto server = std::make_shared<NameServer>();
  const auto resolver = resolverAt(server);
  UvLoop loop({}, *resolver);
  std::string found;
  std::size_t late = 0;
  std::vector<std::unique_ptr<LookUp>> lookUps;
  for (int i = 0; i < 100; ++i)
    lookUps.push_back(loop.resolve("silent", Millis(10000), [&](const Resolution&) { ++late; }));
  server->awaitQuestions(1);
  const auto quick = loop.resolve("quick", Millis(10000), [&](const Resolution& resolution) {
    found = resolution.addresses.front();
    server->answer();
  });
  const auto watch = loop.makeTimer([&] { loop.stop(); });
  const auto last =
      loop.resolve("last one", Millis(10000), [&](const Resolution&) { watch->start(Millis(200)); });
  loop.run();
  CHECK(found == "10.0.0.5");
  CHECK(late == 100);
  // Asked once for all who wanted to know.
  CHECK(server->asked.size() == 3);
}

TEST_CASE("a question that is taken back is not answered, and a name that nobody asks for is not looked up",
          "[loop]") {
  const auto server = std::make_shared<NameServer>();
  const auto resolver = resolverAt(server);
  const auto threads = static_cast<std::size_t>(Resolver::kThreads);
  std::atomic<int> answered = 0;
  const auto count = [&](const Resolution&) { ++answered; };
  std::vector<Resolver::Question> questions;
  for (std::size_t i = 0; i < threads; ++i)
    questions.push_back(resolver->resolve("silent " + std::to_string(i), count));
  server->awaitQuestions(threads);
  {
    const auto queued = resolver->resolve("forgotten", count);
    const auto queuedToo = resolver->resolve("shared", count);
    questions.push_back(resolver->resolve("shared", count));
  }
  questions.erase(questions.begin());  // under way
  std::promise<void> last;
  const auto end = resolver->resolve("the last one", [&](const Resolution&) { last.set_value(); });
  server->answer();
  REQUIRE(last.get_future().wait_for(10s) == std::future_status::ready);
  // One less under way, and one of "shared"; the threads come to their ends in any order.
  for (int i = 0; i < 1000 && answered < static_cast<int>(threads); ++i) std::this_thread::sleep_for(10ms);
  CHECK(answered == static_cast<int>(threads));
  const std::lock_guard guard(server->mutex);
  CHECK(std::count(server->asked.begin(), server->asked.end(), "forgotten") == 0);
  CHECK(std::count(server->asked.begin(), server->asked.end(), "shared") == 1);
}

TEST_CASE("who asks again while a name is being looked up gets that answer", "[loop]") {
  const auto server = std::make_shared<NameServer>();
  const auto resolver = resolverAt(server);
  {
    const auto impatient = resolver->resolve("silent", [](const Resolution&) { FAIL("taken back"); });
    server->awaitQuestions(1);
  }
  std::promise<void> told;
  const auto again = resolver->resolve("silent", [&](const Resolution&) { told.set_value(); });
  server->answer();
  REQUIRE(told.get_future().wait_for(10s) == std::future_status::ready);
  CHECK(server->asked.size() == 1);
}

TEST_CASE("a look-up on a loop ends at its deadline, with an error, and once", "[loop]") {
  const auto server = std::make_shared<NameServer>();
  const auto resolver = resolverAt(server);
  UvLoop loop({}, *resolver);
  std::vector<std::string> errors;
  const auto watch = loop.makeTimer([&] { loop.stop(); });
  const auto lookUp = loop.resolve("silent", Millis(20), [&](const Resolution& resolution) {
    errors.push_back(resolution.error);
    server->answer();
    watch->start(Millis(50));
  });
  loop.run();
  CHECK(errors == std::vector<std::string>{"no answer in time"});
}

TEST_CASE("a look-up on a loop that is destroyed calls nobody, not even in its own answer", "[loop]") {
  const auto server = std::make_shared<NameServer>();
  const auto resolver = resolverAt(server);
  UvLoop loop({}, *resolver);
  bool told = false;
  auto numeric = loop.resolve("127.0.0.1", Millis(20), [&](const Resolution&) { told = true; });
  auto silent = loop.resolve("silent", Millis(20), [&](const Resolution&) { told = true; });
  numeric.reset();
  silent.reset();
  std::unique_ptr<LookUp> own;
  own = loop.resolve("quick", Millis(10000), [&](const Resolution&) { own.reset(); });
  const auto watch = loop.makeTimer([&] { loop.stop(); });
  watch->start(Millis(60));
  loop.run();
  server->answer();
  CHECK_FALSE(told);
  CHECK(own == nullptr);
}

TEST_CASE("waiting for a name has an end", "[loop]") {
  const auto server = std::make_shared<NameServer>();
  const auto resolver = resolverAt(server);
  CHECK(resolver->await("10.1.2.3", Millis(0)).addresses == std::vector<std::string>{"10.1.2.3"});
  CHECK(resolver->await("quick", Millis(10000)).addresses == std::vector<std::string>{"10.0.0.5"});
  const Resolution silent = resolver->await("silent", Millis(20));
  CHECK(silent.addresses.empty());
  CHECK(silent.error == "no answer in time");
  server->answer();
}

}  // namespace slotless::net
