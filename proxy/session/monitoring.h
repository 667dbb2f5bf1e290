// A client that has sent MONITOR: gets what this process's clients do and what others do at all masters,
// after an OK that waits for all workers and all of these.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/command_spec.h"
#include "proxy/pubsub/monitors.h"

namespace slotless::session {

class Client;
class Request;
struct Services;

class Monitoring final : private pubsub::Watcher {
 public:
  // Requires that all earlier replies are in.
  Monitoring(Client& client, Services& services, const protocol::CommandSpec& spec);
  ~Monitoring();
  Monitoring(const Monitoring&) = delete;
  Monitoring& operator=(const Monitoring&) = delete;

  // False: it was refused, and is of no use any more.
  bool useful() const noexcept { return useful_; }

 private:
  void onMonitoring() override;
  void onLines(std::string_view lines) override;
  void onMonitorRefused(std::string_view line) override;
  void onWaiting() override;
  void answer(std::string_view reply);
  std::optional<std::string> asNumbered(std::string_view line) const;

  Client& client_;
  Services& services_;
  Request* request_;
  net::TimePoint deadline_;
  bool useful_ = true;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slotless::session
