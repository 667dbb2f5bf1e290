#include "proxy/net/block_pool.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "proxy/net/heap_account.h"

namespace slotless::net {

void BlockReturn::operator()(Block* block) const noexcept {
  block->pool->put(block);
}

BlockPool::~BlockPool() {
  trim();
}

Block* BlockPool::allocate(std::size_t capacity) {
  void* memory = std::malloc(sizeof(Block) + capacity);
  if (memory == nullptr) throw std::bad_alloc();
  countAllocated(memory);
  return static_cast<Block*>(memory);
}

void BlockPool::giveBack(Block* block) noexcept {
  countFreed(block);
  std::free(block);
}

BlockPtr BlockPool::take(std::size_t bytes) {
  std::size_t capacity = bytes;
  Block* block = nullptr;
  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    if (bytes > kSizes[i]) continue;
    capacity = kSizes[i];
    if (free_[i] != nullptr) {
      block = free_[i];
      free_[i] = block->next;
      freeBytes_[i] -= capacity;
      fewestFreeBytes_[i] = std::min(fewestFreeBytes_[i], freeBytes_[i]);
      idle_ -= capacity;
    }
    break;
  }
  if (block == nullptr) block = allocate(capacity);
  *block = Block{nullptr, this, capacity, 0, 0};
  inUse_ += capacity;
  return BlockPtr(block);
}

BlockPtr BlockPool::grow(BlockPtr block, std::size_t bytes) {
  if (block->capacity >= bytes) {
    if (block->begin > 0) {
      std::memmove(block->data(), block->data() + block->begin, block->size());
      block->end -= block->begin;
      block->begin = 0;
    }
    return block;
  }
  if (block->capacity > kSizes.back() &&
      block->begin == 0) {  // large blocks move by remapping, not by copying
    BlockPool* pool = block->pool;
    const std::size_t before = block->capacity;
    countFreed(block.get());
    void* memory = std::realloc(block.get(), sizeof(Block) + bytes);
    countAllocated(memory == nullptr ? block.get() : memory);
    if (memory == nullptr) throw std::bad_alloc();
    static_cast<void>(block.release());
    auto* moved = static_cast<Block*>(memory);
    moved->capacity = bytes;
    pool->inUse_ += bytes - before;
    return BlockPtr(moved);
  }
  BlockPtr larger = block->pool->take(bytes);
  larger->append(block->view());
  return larger;
}

void BlockPool::put(Block* block) noexcept {
  inUse_ -= block->capacity;
  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    if (block->capacity != kSizes[i]) continue;
    if (freeBytes_[i] + block->capacity > kIdleBytesPerSize) break;
    block->next = free_[i];
    free_[i] = block;
    freeBytes_[i] += block->capacity;
    idle_ += block->capacity;
    return;
  }
  giveBack(block);
}

void BlockPool::release(std::size_t sizeIndex, std::size_t bytes) noexcept {
  for (std::size_t released = 0; released < bytes; released += kSizes[sizeIndex]) {
    Block* block = free_[sizeIndex];
    free_[sizeIndex] = block->next;
    giveBack(block);
  }
  freeBytes_[sizeIndex] -= bytes;
  idle_ -= bytes;
}

void BlockPool::trim() noexcept {
  for (std::size_t i = 0; i < kSizes.size(); ++i) release(i, freeBytes_[i]);
  fewestFreeBytes_ = {};
}

void BlockPool::trimUnused() noexcept {
  for (std::size_t i = 0; i < kSizes.size(); ++i) release(i, fewestFreeBytes_[i]);
  fewestFreeBytes_ = freeBytes_;
}

}  // namespace slotless::net
