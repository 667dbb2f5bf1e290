// One subscription that a worker keeps at one node or at all masters: where the messages of topics come from.
//
// Made and owned by Intakes; what it feeds is entered by the hub.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/pubsub/topic.h"

namespace slotless::pubsub {

class Station;

class Intake {
 public:
  Intake(TopicKind kind, std::string_view name, bool everywhere)
      : kind_(kind), name_(name), everywhere_(everywhere) {}
  TopicKind kind() const noexcept { return kind_; }
  const std::string& name() const noexcept { return name_; }
  bool live() const noexcept { return live_; }

  // What it feeds: the topic of its name, if it has listeners, and those that get translated notifications.
  Topic* own = nullptr;
  std::vector<Topic*> notified;

 private:
  friend class Intakes;
  const TopicKind kind_;
  const std::string name_;
  const bool everywhere_;
  bool live_ = false;
  bool interrupted_ = false;  // it was live, and somebody may miss something now
  std::size_t holds_ = 0;
  std::vector<Station*> stations_;
  const Station* source_ = nullptr;  // whose ordinary messages count
};

}  // namespace slotless::pubsub
