#include "proxy/session/holding.h"

#include <algorithm>

#include "proxy/session/client.h"
#include "proxy/session/dispatcher.h"
#include "proxy/session/services.h"

namespace slotless::session {

using telemetry::Limit;

Holding::Holding(Services& services)
    : services_(services), timer_(services.host.loop.makeTimer([this] { tick(); })) {}

bool Holding::off() const noexcept {
  return services_.config.holdMaxRequests == 0 || services_.config.holdMaxBytes == 0;
}

bool Holding::admits(const Client& client) const {
  const auto& config = services_.config;
  const Held& held = client.held();
  if (held.legs == 0) return true;
  const auto left = [](std::uint64_t limit, std::size_t used) { return limit > used ? limit - used : 0; };
  const bool requestsFit = held.requests < left(config.holdMaxRequests, requests_);
  const bool bytesFit = held.bytes < left(config.holdMaxBytes, bytes_);
  if (!requestsFit) services_.metrics.limits[static_cast<std::size_t>(Limit::HoldRequests)].add();
  if (!bytesFit) services_.metrics.limits[static_cast<std::size_t>(Limit::HoldBytes)].add();
  return requestsFit && bytesFit;
}

void Holding::add(Client& client, const Leg& leg) {
  Held& held = client.held();
  if (held.legs++ == 0) {
    held.place = clients_.size();
    clients_.push_back(&client);
  }
  if (leg.request->heldLegs++ == 0) {
    ++held.requests;
    ++requests_;
  }
  held.bytes += leg.detour->bytes.size();
  held.memory += sizeof(Detour) + leg.detour->bytes.memoryBytes();
  bytes_ += leg.detour->bytes.size();
  publish();
  if (!timer_->active()) timer_->start(kTick);
}

void Holding::remove(Client& client, const Leg& leg) {
  Held& held = client.held();
  if (--held.legs == 0) {
    clients_[held.place] = clients_.back();
    clients_[held.place]->held().place = held.place;
    clients_.pop_back();
  }
  if (--leg.request->heldLegs == 0) {
    --held.requests;
    --requests_;
  }
  held.bytes -= leg.detour->bytes.size();
  held.memory -= sizeof(Detour) + leg.detour->bytes.memoryBytes();
  bytes_ -= leg.detour->bytes.size();
  publish();
  client.takeMore();
}

void Holding::publish() {
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
