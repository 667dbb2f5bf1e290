// A FIFO queue that grows by doubling and allocates nothing in the steady state.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

namespace slotless::upstream {

template <typename T>
class Ring {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  // Places are masked: always within the memory.
  T& front() noexcept { return items_.data()[head_]; }
  const T& front() const noexcept { return items_.data()[head_]; }
  T& operator[](std::size_t i) noexcept { return items_.data()[(head_ + i) & (items_.size() - 1)]; }

  void push(const T& item) {
    if (size_ == items_.size()) grow();
    items_.data()[(head_ + size_) & (items_.size() - 1)] = item;
    ++size_;
  }
  void pop() noexcept {
    head_ = (head_ + 1) & (items_.size() - 1);
    --size_;
  }
  // Gives back what a burst has needed, once three quarters of it are free.
  void shrink() {
    if (size_ == 0) return clear();
    if (items_.size() > kKeep && size_ <= items_.size() / 4) resize(items_.size() / 2);
  }
  void clear() noexcept {
    head_ = 0;
    size_ = 0;
    if (items_.size() > kKeep) items_ = std::vector<T>();
  }

 private:
  static constexpr std::size_t kKeep = 4096;

  void grow() { resize(items_.empty() ? 16 : items_.size() * 2); }

  void resize(std::size_t room) {
    std::vector<T> moved(room);
    for (std::size_t i = 0; i < size_; ++i) moved[i] = (*this)[i];
    items_ = std::move(moved);
    head_ = 0;
  }

  std::vector<T> items_;  // a power of two, or empty
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace slotless::upstream
