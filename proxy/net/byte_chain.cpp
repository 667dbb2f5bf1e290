#include "proxy/net/byte_chain.h"

#include <algorithm>
#include <utility>

namespace slotless::net {

namespace {
// Below this a copy is cheaper than a block that stays half empty.
constexpr std::size_t kCopyBelowBytes = 2048;
}  // namespace

ByteChain::ByteChain(ByteChain&& other) noexcept
    : pool_(other.pool_),
      head_(std::exchange(other.head_, nullptr)),
      tail_(std::exchange(other.tail_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

ByteChain& ByteChain::operator=(ByteChain&& other) noexcept {
  if (this != &other) {
    clear();
    pool_ = other.pool_;
    head_ = std::exchange(other.head_, nullptr);
    tail_ = std::exchange(other.tail_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

std::size_t ByteChain::memoryBytes() const noexcept {
  std::size_t bytes = 0;
  for (const Block* block = head_; block != nullptr; block = block->next)
    bytes += sizeof(Block) + block->capacity;
  return bytes;
}

void ByteChain::appendInBlocks(std::string_view bytes) {
  size_ += bytes.size();
  if (tail_ != nullptr && tail_->room() > 0) {
    const std::size_t fits = std::min(bytes.size(), tail_->room());
    tail_->append(bytes.substr(0, fits));
    bytes.remove_prefix(fits);
  }
  while (!bytes.empty()) {
    // The first block is small (most replies are); a chain that goes on gets full-size blocks.
    const std::size_t wanted = tail_ == nullptr ? bytes.size() : BlockPool::kSizes.back();
    Block* block = pool_->take(std::min(wanted, BlockPool::kSizes.back())).release();
    (tail_ != nullptr ? tail_->next : head_) = block;
    tail_ = block;
    const std::size_t fits = std::min(bytes.size(), block->room());
    block->append(bytes.substr(0, fits));
    bytes.remove_prefix(fits);
  }
}

void ByteChain::append(BlockPtr block) {
  if (block->size() < kCopyBelowBytes) {
    append(block->view());
    return;
  }
  size_ += block->size();
  Block* raw = block.release();
  raw->next = nullptr;
  (tail_ != nullptr ? tail_->next : head_) = raw;
  tail_ = raw;
}

void ByteChain::splice(ByteChain& other) {
  if (other.size_ < kCopyBelowBytes) {
    for (const Block* block = other.head_; block != nullptr; block = block->next) append(block->view());
    other.clear();
    return;
  }
  (tail_ != nullptr ? tail_->next : head_) = std::exchange(other.head_, nullptr);
  tail_ = std::exchange(other.tail_, nullptr);
  size_ += std::exchange(other.size_, 0);
}

void ByteChain::consume(std::size_t bytes) noexcept {
  size_ -= bytes;
  while (head_ != nullptr && bytes >= head_->size()) {
    bytes -= head_->size();
    Block* done = std::exchange(head_, head_->next);
    BlockReturn{}(done);
  }
  if (head_ == nullptr) {
    tail_ = nullptr;
  } else {
    head_->begin += bytes;
  }
}

void ByteChain::giveBack() noexcept {
  while (head_ != nullptr) BlockReturn{}(std::exchange(head_, head_->next));
  tail_ = nullptr;
  size_ = 0;
}

template <typename Visit>
void ByteChain::forEachPiece(std::size_t from, std::size_t count, Visit visit) const {
  for (const Block* block = head_; block != nullptr && count > 0; block = block->next) {
    if (from >= block->size()) {
      from -= block->size();
      continue;
    }
    const std::string_view piece = block->view().substr(from, count);
    from = 0;
    count -= piece.size();
    if (!visit(piece)) return;
  }
}

std::size_t ByteChain::gather(std::span<iovec> pieces, std::size_t skip) const noexcept {
  std::size_t filled = 0;
  if (pieces.empty()) return 0;
  forEachPiece(skip, size_ - skip, [&](std::string_view piece) {
    pieces[filled++] = iovec{const_cast<char*>(piece.data()), piece.size()};
    return filled < pieces.size();
  });
  return filled;
}

void ByteChain::copyTo(ByteChain& out, std::size_t from, std::size_t count) const {
  forEachPiece(from, count, [&](std::string_view piece) {
    out.append(piece);
    return true;
  });
}

std::string ByteChain::toString() const {
  std::string text;
  text.reserve(size_);
  for (const Block* block = head_; block != nullptr; block = block->next) text.append(block->view());
  return text;
}

}  // namespace slotless::net
