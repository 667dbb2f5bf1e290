// Where the arguments of an incomplete request are in its bytes: a list that may grow to many millions.
//
// Like a vector, but that it grows by realloc(): the system moves large memory by its pages, where a vector
// would copy all of it in one go. Errors: std::bad_alloc.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

namespace slotless::protocol {

struct ArgumentRef {
  std::size_t offset;
  std::size_t length;
};
static_assert(std::is_trivially_copyable_v<ArgumentRef>);

class ArgumentRefs {
 public:
  ArgumentRefs() = default;
  ~ArgumentRefs() { std::free(refs_); }
  ArgumentRefs(ArgumentRefs&& other) noexcept
      : refs_(std::exchange(other.refs_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        room_(std::exchange(other.room_, 0)) {}
  ArgumentRefs& operator=(ArgumentRefs&& other) noexcept {
    std::swap(refs_, other.refs_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
    return *this;
  }

  void add(ArgumentRef ref) {
    if (size_ == room_) grow(room_ == 0 ? kFirstRoom : 2 * room_);
    refs_[size_++] = ref;
  }
  void reserve(std::size_t size) {
    if (size > room_) grow(size);
  }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return room_; }
  ArgumentRef* data() noexcept { return refs_; }
  const ArgumentRef& operator[](std::size_t i) const noexcept { return refs_[i]; }
  // Gives the memory back if it is room for more than `kept`.
  void clearKeeping(std::size_t kept) noexcept {
    size_ = 0;
    if (room_ <= kept) return;
    std::free(std::exchange(refs_, nullptr));
    room_ = 0;
  }

 private:
  static constexpr std::size_t kFirstRoom = 4;

  void grow(std::size_t room) {
    void* grown = std::realloc(refs_, room * sizeof(ArgumentRef));
    if (grown == nullptr) throw std::bad_alloc();
    refs_ = static_cast<ArgumentRef*>(grown);
    room_ = room;
  }

  ArgumentRef* refs_ = nullptr;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

}  // namespace slotless::protocol
