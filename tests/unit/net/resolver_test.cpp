// Look-ups that end late, or never.
#include "proxy/net/resolver.h"

#include <condition_variable>
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
    loop.resolve("silent", [&](const Resolution&) { told = true; });
    server->awaitQuestions(1);
  }  // would hang here
  server->answer();
  CHECK_FALSE(told);
}

TEST_CASE("the end of a resolver does not wait either, and nobody is told afterwards", "[loop]") {
  const auto server = std::make_shared<NameServer>();
  auto resolver = resolverAt(server);
  bool told = false;
  resolver->resolve("silent", [&](const Resolution&) { told = true; });
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
  for (int i = 0; i < 100; ++i) loop.resolve("silent", [&](const Resolution&) { ++late; });
  server->awaitQuestions(1);
  loop.resolve("quick", [&](const Resolution& resolution) {
    found = resolution.addresses.front();
    server->answer();
  });
  const auto watch = loop.makeTimer([&] { loop.stop(); });
  loop.resolve("last one", [&](const Resolution&) { watch->start(Millis(200)); });
  loop.run();
  CHECK(found == "10.0.0.5");
  CHECK(late == 100);
  // Asked once for all who wanted to know.
  CHECK(server->asked.size() == 3);
}

}  // namespace slotless::net
