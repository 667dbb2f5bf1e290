// Blocks are recycled by size, grow without losing bytes, and are accounted for to the byte.
#include "proxy/net/block_pool.h"

#include <string>
#include <utility>
#include <vector>

#include "catch.h"

namespace slotless::net {
namespace {

TEST_CASE("a block has room for what was asked, in the smallest recycled size that fits", "[block]") {
  BlockPool pool;
  struct Row {
    std::size_t asked, capacity;
  };
  for (const Row& row : std::vector<Row>{{0, 512},
                                         {1, 512},
                                         {512, 512},
                                         {513, 4096},
                                         {4096, 4096},
                                         {4097, 16384},
                                         {16384, 16384},
                                         {16385, 16385},
                                         {100000, 100000}}) {
    INFO(row.asked);
    const BlockPtr block = pool.take(row.asked);
    CHECK(block->capacity == row.capacity);
    CHECK(block->size() == 0);
    CHECK(block->room() == row.capacity);
    CHECK(pool.bytesInUse() == row.capacity);
  }
  CHECK(pool.bytesInUse() == 0);
}

TEST_CASE("a block that was given back is handed out again, empty", "[block]") {
  BlockPool pool;
  BlockPtr block = pool.take(100);
  const Block* address = block.get();
  block->append("old bytes");
  block.reset();
  CHECK(pool.bytesIdle() == 512);
  block = pool.take(200);
  CHECK(block.get() == address);
  CHECK(block->view().empty());
  CHECK(pool.bytesIdle() == 0);
  CHECK(pool.bytesInUse() == 512);
}

TEST_CASE("large blocks are not kept, and a burst of small ones is kept only up to a limit", "[block]") {
  BlockPool pool;
  pool.take(1U << 20).reset();
  CHECK(pool.bytesIdle() == 0);
  std::vector<BlockPtr> burst;
  constexpr std::size_t kLimit = 4U * 1024 * 1024;
  for (std::size_t i = 0; i < 2 * kLimit / 16384; ++i) burst.push_back(pool.take(16384));
  CHECK(pool.bytesInUse() == 2 * kLimit);
  burst.clear();
  CHECK(pool.bytesInUse() == 0);
  CHECK(pool.bytesIdle() == kLimit);
  pool.trim();
  CHECK(pool.bytesIdle() == 0);
  CHECK(pool.take(16384)->capacity == 16384);
}

TEST_CASE("idle blocks that nobody has needed since the last time are given back, the others stay",
          "[block]") {
  BlockPool pool;
  std::vector<BlockPtr> burst;
  for (int i = 0; i < 10; ++i) burst.push_back(pool.take(4096));
  burst.clear();
  pool.trimUnused();
  CHECK(pool.bytesIdle() == 10 * 4096);  // they were needed
  for (int i = 0; i < 3; ++i) burst.push_back(pool.take(4096));
  burst.clear();
  pool.trimUnused();
  CHECK(pool.bytesIdle() == 3 * 4096);
  burst.push_back(pool.take(4096));
  pool.trimUnused();
  CHECK(pool.bytesIdle() == 0);
  CHECK(pool.bytesInUse() == 4096);
  burst.clear();
  CHECK(pool.bytesIdle() == 4096);
  pool.trimUnused();
  pool.trimUnused();
  CHECK(pool.bytesIdle() == 0);
}

TEST_CASE("appending nothing, from nowhere, is allowed", "[block]") {
  BlockPool pool;
  const BlockPtr block = pool.take(10);
  block->append(std::string_view{});
  CHECK(block->view().empty());
}

TEST_CASE("a block grows from any size to any larger one and keeps its unread bytes", "[block]") {
  BlockPool pool;
  for (const std::size_t from : {1U, 512U, 3000U, 16384U, 20000U, 200000U}) {
    for (const std::size_t by : {0U, 1U, 600U, 17000U, 300000U}) {
      for (const std::size_t read : {0U, 1U}) {
        INFO(from << " + " << by << ", read " << read);
        std::string content(from, 'x');
        for (std::size_t i = 0; i < from; ++i) content[i] = static_cast<char>('a' + i % 26);
        BlockPtr block = pool.take(from);
        block->append(content);
        block->begin += read;
        block = BlockPool::grow(std::move(block), from + by);
        CHECK(block->begin == 0);
        CHECK(block->capacity >= from + by);
        CHECK(block->view() == std::string_view(content).substr(read));
        CHECK(pool.bytesInUse() == block->capacity);
      }
    }
  }
  CHECK(pool.bytesInUse() == 0);
}

}  // namespace
}  // namespace slotless::net
