#include "proxy/session/slowest_client.h"

#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

namespace {
// So long a client may take for what is unread of a large reply while others have no connection for theirs.
constexpr net::Millis kPatienceWithSlowest{2000};
}  // namespace

void closeSlowest(const Services& services) {
  Client* slowest = nullptr;
  for (const auto& [id, client] : services.clients) {
    const bool waits = client->state() != ClientState::Closed && client->pausedSince() != net::TimePoint{};
    if (waits && (slowest == nullptr || client->pausedSince() < slowest->pausedSince()))
      slowest = client.get();
  }
  if (slowest == nullptr || services.host.now - slowest->pausedSince() < kPatienceWithSlowest) return;
  slowest->closeFor(telemetry::Limit::OutputHard, "a large reply is taken too slowly, and others wait",
                    slowest->outputBytes());
}

}  // namespace slotless::session
