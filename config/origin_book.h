// Where the values of the configuration that was loaded last have come from, for whoever shows them.
//
// Safe on any thread: configurations are read on one, and shown on another.
#pragma once
#include <mutex>
#include <utility>

#include "config/pages.h"

namespace slotless::config {

class OriginBook {
 public:
  void set(Origins origins) {
    const std::lock_guard guard(mutex_);
    origins_ = std::move(origins);
  }
  Origins get() const {
    const std::lock_guard guard(mutex_);
    return origins_;
  }

 private:
  mutable std::mutex mutex_;
  Origins origins_;
};

}  // namespace slotless::config
