#include "proxy/session/holding.h"

#include "proxy/session/client.h"
#include "proxy/session/dispatcher.h"
#include "proxy/session/services.h"

namespace slotless::session {

using telemetry::Limit;

Holding::Holding(Services& services)
    : services_(services), timer_(services.host.loop.makeTimer([this] { tick(); })) {}

bool Holding::admits(std::size_t bytes) const {
  const auto& config = services_.config;
  const bool requestsFit = requests_ < config.holdMaxRequests;
  const bool bytesFit = bytes_ + bytes <= config.holdMaxBytes;
  if (!requestsFit) services_.metrics.limits[static_cast<std::size_t>(Limit::HoldRequests)].add();
  if (!bytesFit) services_.metrics.limits[static_cast<std::size_t>(Limit::HoldBytes)].add();
  return requestsFit && bytesFit;
}

void Holding::add(Client& client, const Leg& leg) {
  if (client.heldLegs()++ == 0) clients_.push_back(&client);
  ++requests_;
  bytes_ += leg.detour->bytes.size();
  services_.metrics.heldRequests.set(static_cast<std::int64_t>(requests_));
  services_.metrics.heldBytes.set(static_cast<std::int64_t>(bytes_));
  if (!timer_->active()) timer_->start(kTick);
}

void Holding::remove(Client& client, const Leg& leg) {
  if (--client.heldLegs() == 0) std::erase(clients_, &client);
  --requests_;
  bytes_ -= leg.detour->bytes.size();
  services_.metrics.heldRequests.set(static_cast<std::int64_t>(requests_));
  services_.metrics.heldBytes.set(static_cast<std::int64_t>(bytes_));
}

void Holding::wakeAll() {
  for (Client* client : clients_) services_.agenda.add(*client, Task::Pump);
}

void Holding::tick() {
  if (clients_.empty()) return;
  services_.host.touch();
  const std::vector<Client*> clients = clients_;  // expiring removes
  bool missesNode = false;
  for (Client* client : clients) missesNode = services_.dispatcher.expire(*client) || missesNode;
  if (missesNode) services_.control.refreshTopology(true);
  wakeAll();
  timer_->start(kTick);
}

}  // namespace slotless::session
