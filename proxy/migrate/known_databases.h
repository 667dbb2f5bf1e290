// The source's databases that have, or have had, keys. Thread-safe.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

namespace slotless::migrate {

// The numbers and sizes in the answer of INFO keyspace.
std::map<std::uint32_t, std::uint64_t> databasesIn(std::string_view info);

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
