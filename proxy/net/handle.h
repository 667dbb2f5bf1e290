// Owns one libuv handle: its memory is released in libuv's close callback, and nowhere else.
#pragma once
#include <uv.h>

#include <utility>

namespace slotless::net {

template <typename Handle>
class OwnedHandle {
 public:
  OwnedHandle() : handle_(new Handle{}) {}
  ~OwnedHandle() { close(); }
  OwnedHandle(const OwnedHandle&) = delete;
  OwnedHandle& operator=(const OwnedHandle&) = delete;

  Handle* get() const noexcept { return handle_; }
  Handle* operator->() const noexcept { return handle_; }
  // To be called once uv_*_init has succeeded; before, the memory is simply freed.
  void initialised(void* data) noexcept {
    initialised_ = true;
    handle_->data = data;
  }

 private:
  void close() noexcept {
    if (!initialised_) {
      delete handle_;
      return;
    }
    handle_->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle_),
             [](uv_handle_t* handle) { delete reinterpret_cast<Handle*>(handle); });
  }

  Handle* handle_;
  bool initialised_ = false;
};

}  // namespace slotless::net
