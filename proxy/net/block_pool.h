// Blocks of memory for buffers, recycled within one worker so that the steady state allocates nothing.
//
// Units: bytes. Ownership: a Block belongs to whoever holds its BlockPtr; it goes back to its pool when
// dropped. Not thread-safe: one pool per worker.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace slotless::net {

class BlockPool;

// A fixed piece of memory with a used range [begin, end).
struct Block {
  Block* next;
  BlockPool* pool;
  std::size_t capacity;
  std::size_t begin;
  std::size_t end;

  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  std::size_t size() const noexcept { return end - begin; }
  std::size_t room() const noexcept { return capacity - end; }
  std::string_view view() const noexcept { return {data() + begin, size()}; }
  // Requires room for them.
  void append(std::string_view bytes) noexcept {
    if (bytes.empty()) return;  // memcpy wants a pointer even then
    std::memcpy(data() + end, bytes.data(), bytes.size());
    end += bytes.size();
  }
};

struct BlockReturn {
  void operator()(Block* block) const noexcept;
};
using BlockPtr = std::unique_ptr<Block, BlockReturn>;

class BlockPool {
 public:
  // The sizes that are recycled; anything larger is allocated exactly and freed at once.
  static constexpr std::array<std::size_t, 3> kSizes = {512, 4096, 16384};

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block with room for at least `bytes`.
  BlockPtr take(std::size_t bytes);
  // A block with room for at least `bytes` that begins with what `block` holds. May move the memory.
  static BlockPtr grow(BlockPtr block, std::size_t bytes);
  // Memory in blocks that are in use, and in blocks that wait to be used again.
  std::size_t bytesInUse() const noexcept { return inUse_; }
  std::size_t bytesIdle() const noexcept { return idle_; }
  // Gives all idle blocks back to the system.
  void trim() noexcept;
  // To be called now and then: gives back the idle blocks that nobody has needed since the last call.
  void trimUnused() noexcept;

 private:
  friend struct BlockReturn;
  // More idle memory than this per size is freed: what a burst needed is given back.
  static constexpr std::size_t kIdleBytesPerSize = 4U * 1024 * 1024;

  void put(Block* block) noexcept;
  void release(std::size_t sizeIndex, std::size_t bytes) noexcept;
  static Block* allocate(std::size_t capacity);
  static void giveBack(Block* block) noexcept;

  std::array<Block*, kSizes.size()> free_{};
  std::array<std::size_t, kSizes.size()> freeBytes_{};
  std::array<std::size_t, kSizes.size()> fewestFreeBytes_{};  // since the last trimUnused()
  std::size_t inUse_ = 0;
  std::size_t idle_ = 0;
};

}  // namespace slotless::net
