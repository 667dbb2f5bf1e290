#include "proxy/session/monitoring.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proxy/dispatch/failure_tally.h"
#include "proxy/dispatch/traced_request.h"
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
  if (useful_) services_.tap.leave();
}

void Monitoring::onMonitoring() {
  answer("+OK\r\n");
}

void Monitoring::onLines(std::string_view lines) {
  if (client_.replySwitch().off()) return;
  if (client_.numbering().same()) return client_.push(lines.front(), lines);
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n') + 1);
    lines.remove_prefix(line.size());
    if (const auto own = asNumbered(line)) client_.push(own->front(), *own);
  }
}

// `+<time> [<database> <address>] …`; nullopt: about a database that the client does not see.
std::optional<std::string> Monitoring::asNumbered(std::string_view line) const {
  constexpr std::string_view kBefore = " [";
  const std::size_t begin = line.find(kBefore);
  if (begin == std::string_view::npos) return std::nullopt;
  const char* const digits = line.data() + begin + kBefore.size();
  std::size_t index = 0;
  const auto parsed = std::from_chars(digits, line.data() + line.size(), index);
  if (parsed.ec != std::errc{} || index >= services_.databases.size()) return std::nullopt;
  const auto number = client_.numbering().numberOf(services_.databases.at(index));
  if (!number) return std::nullopt;
  return std::string(line.data(), digits) + std::to_string(*number) +
         std::string(parsed.ptr, line.data() + line.size());
}

void Monitoring::onMonitorRefused(std::string_view line) {
  if (std::exchange(useful_, false)) services_.tap.leave();
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
  const bool failed = reply.front() == '-';
  services_.metrics.command(request.spec->id)
      .record(std::chrono::duration_cast<net::Micros>(services_.host.now - request.arrived), failed);
  if (failed) FailureTally::add(client_.id());
  if (request.trace != nullptr) traceDone(services_, request, failed);
  client_.onRequestDone(request);
}

}  // namespace slotless::session
