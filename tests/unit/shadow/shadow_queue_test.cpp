#include "proxy/observe/shadow_queue.h"

#include <chrono>
#include <string>
#include <thread>

#include "catch.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::observe {
namespace {

using telemetry::ShadowCounts;
using telemetry::ShadowDrop;

constexpr std::chrono::milliseconds kAtOnce{0};

std::uint64_t full() {
  return ShadowCounts::ofProcess().dropped(ShadowDrop::Full);
}

ShadowSample sampleOf(const std::string& key) {
  return {"get", 0, {"GET", key}, {1}};
}

TEST_CASE("samples come out as they went in") {
  ShadowQueue queue;
  const auto sampled = ShadowCounts::ofProcess().sampled();
  queue.offer(sampleOf("a"));
  queue.offer(sampleOf("b"));
  CHECK(ShadowCounts::ofProcess().sampled() == sampled + 2);
  CHECK(queue.take(kAtOnce)->words[1] == "a");
  CHECK(queue.take(kAtOnce)->words[1] == "b");
  CHECK_FALSE(queue.take(kAtOnce));
}

TEST_CASE("more samples than have room are dropped and counted, also while earlier ones are asked") {
  ShadowQueue queue;
  const auto before = full();
  for (std::size_t i = 0; i < ShadowQueue::kMostSamples; ++i) queue.offer(sampleOf("key"));
  CHECK(full() == before);
  queue.offer(sampleOf("one more"));
  CHECK(full() == before + 1);
  const auto taken = queue.take(kAtOnce);
  queue.offer(sampleOf("one more"));
  CHECK(full() == before + 2);
  queue.settle(*taken);
  queue.offer(sampleOf("one more"));
  CHECK(full() == before + 2);
}

TEST_CASE("the bytes that wait have a limit and are told") {
  ShadowQueue queue;
  const auto before = full();
  const std::string large(ShadowQueue::kMostBytes / 2, 'x');
  queue.offer(sampleOf(large));
  CHECK(ShadowCounts::ofProcess().waiting() > large.size());
  queue.offer(sampleOf(large));
  CHECK(full() == before + 1);
  queue.settle(*queue.take(kAtOnce));
  CHECK(ShadowCounts::ofProcess().waiting() == 0);
  queue.offer(sampleOf(large));
  CHECK(full() == before + 1);
}

TEST_CASE("who waits for a sample is woken by one, or by the end") {
  ShadowQueue queue;
  std::thread other([&] { queue.offer(sampleOf("a")); });
  const auto taken = queue.take(std::chrono::minutes(1));
  other.join();
  REQUIRE(taken);
  CHECK(taken->words[1] == "a");
  queue.wake();
  CHECK_FALSE(queue.take(std::chrono::minutes(1)));
}

}  // namespace
}  // namespace slotless::observe
