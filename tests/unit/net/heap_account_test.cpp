#include "proxy/net/heap_account.h"

#include <memory>
#include <thread>
#include <vector>

#include "catch.h"
#include "proxy/net/block_pool.h"

namespace slotless::net {

namespace {
constexpr std::size_t kMiB = 1024 * 1024;
// What threads may keep back, and what the sanitizers' allocators add.
constexpr std::size_t kSlack = kMiB / 4;
}  // namespace

TEST_CASE("what is allocated by new counts, and what is given back does not") {
  const std::size_t before = heapBytes();
  auto large = std::make_unique<std::vector<char>>(4 * kMiB);
  CHECK(heapBytes() >= before + 4 * kMiB);
  CHECK(heapBytes() <= before + 4 * kMiB + kSlack);
  large.reset();
  CHECK(heapBytes() <= before + kSlack);
}

TEST_CASE("blocks count, also while they grow and while they wait to be used again") {
  BlockPool pool;
  const std::size_t before = heapBytes();
  BlockPtr block = pool.take(2 * kMiB);
  CHECK(heapBytes() >= before + 2 * kMiB);
  block = BlockPool::grow(std::move(block), 6 * kMiB);
  CHECK(heapBytes() >= before + 6 * kMiB);
  CHECK(heapBytes() <= before + 6 * kMiB + kSlack);
  block.reset();
  CHECK(heapBytes() <= before + kSlack);
}

TEST_CASE("what one thread allocates and another gives back adds up to nothing") {
  const std::size_t before = heapBytes();
  std::vector<std::unique_ptr<std::vector<char>>> pieces;
  std::thread([&] {
    for (int i = 0; i < 64; ++i) pieces.push_back(std::make_unique<std::vector<char>>(kMiB / 16));
  }).join();
  CHECK(heapBytes() + kSlack >= before + 4 * kMiB);
  pieces.clear();
  CHECK(heapBytes() <= before + 2 * kSlack);
}

TEST_CASE("the highest is remembered until it is asked for") {
  static_cast<void>(takeHeapPeakBytes());
  const std::size_t before = heapBytes();
  {
    const std::vector<char> large(4 * kMiB);
    CHECK(heapBytes() >= before + 4 * kMiB);
  }
  CHECK(takeHeapPeakBytes() >= before + 4 * kMiB);
  CHECK(takeHeapPeakBytes() <= before + kSlack);
}

}  // namespace slotless::net
