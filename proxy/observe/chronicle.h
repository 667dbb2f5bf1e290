// What this process remembers of the last quarter of an hour: traffic, what has happened, what is wrong.
//
// One thread tells it a sample every kTrafficStep, any thread may read or note something. Everything that it
// keeps is bounded.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/observe/flow.h"
#include "proxy/observe/happenings.h"
#include "proxy/observe/sample.h"
#include "proxy/observe/traffic_history.h"
#include "proxy/observe/verdict.h"

namespace slotless::observe {

// A node over the last seconds.
struct NodeTraffic : Flow {
  NodeSample now;
};

struct Present {
  Sample now;
  Sample minuteAgo;  // or the first one
  TrafficPoint point;
  std::vector<Problem> problems;  // the worst first
  std::map<std::string, NodeTraffic> nodes;
  std::uint64_t lastHappening = 0;
};

class Chronicle {
 public:
  // Rates of nodes are over so many steps.
  static constexpr std::size_t kNodeSteps = 5;

  // `now` of the condition is the new sample; `minuteAgo` is filled in here.
  void take(Condition condition);
  void noteTopology(const cluster::TopologyPtr& topology);
  void note(std::string_view kind, Weight weight, std::string text);

  Present present() const;
  std::deque<TrafficPoint> traffic() const;
  std::deque<Happening> happenings() const;

 private:
  mutable std::mutex mutex_;
  std::deque<Sample> samples_;  // of a minute, the oldest first; the older ones without nodes
  TrafficHistory traffic_;
  Happenings happenings_;
  Verdict verdict_;
  std::vector<Problem> problems_;
  cluster::TopologyPtr topology_;
};

}  // namespace slotless::observe
