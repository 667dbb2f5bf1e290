#include "proxy/session/monitoring.h"

#include <algorithm>
#include <utility>

#include "proxy/session/client.h"
#include "proxy/session/monitor_tap.h"
#include "proxy/session/services.h"

namespace slotless::session {

Monitoring::Monitoring(Client& client, Services& services, const protocol::CommandSpec& spec)
    : client_(client),
      services_(services),
      request_(&client.addRequest(spec)),
      deadline_(services.host.now + std::max(services.config.holdTimeout, services.config.connectTimeout)) {
  services_.tap.join([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) services_.monitors.add(*this);
  });
}

Monitoring::~Monitoring() {
  services_.monitors.remove(*this);
  services_.tap.leave();
}

void Monitoring::onMonitoring() {
  answer("+OK\r\n");
}

void Monitoring::onLines(std::string_view lines) {
  if (!client_.replySwitch().off()) client_.push(lines.front(), lines);
}

void Monitoring::onMonitorRefused(std::string_view line) {
  useful_ = false;
  services_.monitors.remove(*this);
  answer(line);
}

void Monitoring::onWaiting() {
  if (services_.host.now < deadline_) return;
  onMonitorRefused("-CLUSTERDOWN Not all masters could be reached in time\r\n");
}

void Monitoring::answer(std::string_view reply) {
  Request& request = *std::exchange(request_, nullptr);
  client_.deliver(request, reply);
  services_.metrics.command(request.spec->id)
      .record(std::chrono::duration_cast<net::Micros>(services_.host.now - request.arrived),
              reply.front() == '-');
  client_.onRequestDone(request);
}

}  // namespace slotless::session
