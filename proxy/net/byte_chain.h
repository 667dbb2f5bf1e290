// A queue of bytes in blocks: appended at the back, taken from the front, never moved in between.
//
// Serves as a client's output, as a link's output that is kept until its replies have come, and as the place
// where a reply waits for its turn.
#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "proxy/net/block_pool.h"

namespace slotless::net {

class ByteChain {
 public:
  explicit ByteChain(BlockPool& pool) noexcept : pool_(&pool) {}
  ~ByteChain() { clear(); }
  ByteChain(ByteChain&& other) noexcept;
  ByteChain& operator=(ByteChain&& other) noexcept;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  // Memory of its blocks. Looks at each of them.
  std::size_t memoryBytes() const noexcept;

  void append(std::string_view bytes) {
    if (tail_ == nullptr || tail_->room() < bytes.size()) return appendInBlocks(bytes);
    tail_->append(bytes);
    size_ += bytes.size();
  }
  // Takes a whole block over without copying, its used range.
  void append(BlockPtr block);
  // Moves all of `other` to the end of this chain; small contents are copied, so that blocks stay well
  // filled.
  void splice(ByteChain& other);
  // Drops bytes from the front. Requires bytes <= size().
  void consume(std::size_t bytes) noexcept;
  void clear() noexcept {
    if (head_ != nullptr) giveBack();
  }
  // Fills `pieces` with what follows the first `skip` bytes; returns how many were filled.
  std::size_t gather(std::span<iovec> pieces, std::size_t skip = 0) const noexcept;
  // Appends the bytes [from, from + count) to `out`. Requires from + count <= size().
  void copyTo(ByteChain& out, std::size_t from, std::size_t count) const;
  std::string toString() const;

 private:
  void giveBack() noexcept;
  void appendInBlocks(std::string_view bytes);
  template <typename Visit>
  void forEachPiece(std::size_t from, std::size_t count, Visit visit) const;

  BlockPool* pool_;
  Block* head_ = nullptr;
  Block* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace slotless::net
