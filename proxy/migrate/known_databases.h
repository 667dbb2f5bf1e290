// The source's databases that have, or have had, keys. Thread-safe.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

using subcommand::databasesIn;

class KnownDatabases {
 public:
  // Those that are new.
  std::vector<std::uint32_t> take(const std::map<std::uint32_t, std::uint64_t>& now) {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint32_t> added;
    for (auto& [index, size] : sizes_) size = 0;
    for (const auto& [index, size] : now) {
      if (!sizes_.contains(index)) added.push_back(index);
      sizes_[index] = size;
    }
    return added;
  }
  std::map<std::uint32_t, std::uint64_t> sizes() const {
    const std::lock_guard lock(mutex_);
    return sizes_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint32_t, std::uint64_t> sizes_;
};

}  // namespace slotless::migrate
