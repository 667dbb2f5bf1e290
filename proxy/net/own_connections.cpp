#include "proxy/net/own_connections.h"

#include <utility>

namespace slotless::net {

OwnConnections& OwnConnections::ofProcess() {
  static OwnConnections connections;
  return connections;
}

void OwnConnections::add(const std::string& end) {
  const std::lock_guard guard(mutex_);
  ++ends_[end];
}

void OwnConnections::remove(const std::string& end, Clock::time_point now) {
  const std::lock_guard guard(mutex_);
  gone_.emplace_back(now, end);
  for (; !gone_.empty() && now - gone_.front().first >= kRemembered; gone_.pop_front()) {
    const auto found = ends_.find(gone_.front().second);
    if (--found->second == 0) ends_.erase(found);
  }
}

bool OwnConnections::contains(std::string_view end) const {
  const std::lock_guard guard(mutex_);
  return ends_.contains(end);
}

OwnEnd::OwnEnd(std::string end) : end_(std::move(end)) {
  OwnConnections::ofProcess().add(end_);
}

OwnEnd::~OwnEnd() {
  OwnConnections::ofProcess().remove(end_);
}

}  // namespace slotless::net
