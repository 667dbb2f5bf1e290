// The replies that one client still waits for, in the order of its requests.
#pragma once
#include <cstddef>
#include <cstdint>

#include "proxy/dispatch/request.h"

namespace slotless::session {

class PendingList {
 public:
  Request* head() const noexcept { return head_; }
  Request* tail() const noexcept { return tail_; }
  bool empty() const noexcept { return head_ == nullptr; }
  std::size_t size() const noexcept { return size_; }

  void push(Request& request) noexcept {
    request.next = nullptr;
    request.number = ++pushed_;
    (tail_ != nullptr ? tail_->next : head_) = &request;
    tail_ = &request;
    ++size_;
  }
  Request& pop() noexcept {
    Request& first = *head_;
    head_ = first.next;
    if (head_ == nullptr) tail_ = nullptr;
    --size_;
    return first;
  }

 private:
  Request* head_ = nullptr;
  Request* tail_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t pushed_ = 0;
};

}  // namespace slotless::session
