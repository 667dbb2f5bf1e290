// Which of the lines that a node's MONITOR brings are shown to clients of MONITOR: what others do there, and
// what scripts run.
//
// What this process says on its own connections is not: its clients' commands are shown by the proxy, as the
// clients have sent them (session/monitor_tap.h), and the rest is no client's. What a script runs comes right
// behind the line of the script, and follows it: that of the proxy's own scripts is not shown.
#pragma once
#include <string_view>

namespace slotless::pubsub {

// The lines of one node, in their order.
class MonitorFilter {
 public:
  bool shows(std::string_view line);

 private:
  bool ownScript_ = false;  // what is run by a script now is run by one of the proxy's
};

}  // namespace slotless::pubsub
