// How many users of the nodes have links of their own, in the whole process (passthrough-max-users).
//
// A worker takes a place for a user before it makes its links, and gives it back when they are gone. Without
// a free one, that user makes room which has had no client for longest. Thread-safe; asked at logins only.
#pragma once
#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "proxy/net/loop.h"

namespace slotless::session {

class UserPlaces {
 public:
  struct Answer {
    bool granted = false;
    std::optional<std::string> evicted = {};  // whose links all workers have to close
  };
  Answer take(const std::string& name, std::size_t most, net::TimePoint now) {
    const std::lock_guard guard(mutex_);
    if (const auto known = places_.find(name); known != places_.end()) {
      ++known->second.workers;
      return {true};
    }
    Answer answer{true};
    if (places_.size() >= most) {
      auto oldest = places_.end();
      for (auto each = places_.begin(); each != places_.end(); ++each) {
        if (each->second.clients > 0) continue;
        if (oldest == places_.end() || each->second.lastUsed < oldest->second.lastUsed) oldest = each;
      }
      if (oldest == places_.end()) return {};
      answer.evicted = oldest->first;
      places_.erase(oldest);
    }
    places_[name] = {1, 0, now};
    return answer;
  }
  void giveBack(const std::string& name) {
    const std::lock_guard guard(mutex_);
    const auto known = places_.find(name);
    if (known != places_.end() && --known->second.workers == 0) places_.erase(known);
  }
  // Of that user, on any worker; `by` 1 or -1.
  void countClient(const std::string& name, int by, net::TimePoint now) {
    const std::lock_guard guard(mutex_);
    const auto known = places_.find(name);
    if (known == places_.end()) return;
    known->second.clients = std::max(0, known->second.clients + by);
    known->second.lastUsed = now;
  }

 private:
  struct Place {
    std::size_t workers = 0;  // that have links of its own
    int clients = 0;
    net::TimePoint lastUsed{};
  };

  std::mutex mutex_;
  std::map<std::string, Place> places_;
};

}  // namespace slotless::session
