#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/surroundings.h"

#include <algorithm>

#include "proxy/dispatch/agenda.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/overtaking.h"

namespace slotless::session {

using telemetry::Limit;

Holding::Holding(Context& context)
    : context_(context), timer_(context.host.loop.makeTimer([this] { tick(); })) {}

bool Holding::off() const noexcept {
  return context_.config.holdMaxRequests == 0 || context_.config.holdMaxBytes == 0;
}

bool Holding::admits(const Downstream& client) const {
  const auto& config = context_.config;
  const Held& held = client.held();
  if (held.legs == 0) return true;
  const auto left = [](std::uint64_t limit, std::size_t used) { return limit > used ? limit - used : 0; };
  const bool requestsFit = held.requests < left(config.holdMaxRequests, requests_);
  const bool bytesFit = held.bytes < left(config.holdMaxBytes, bytes_);
  if (!requestsFit) context_.metrics.limits[static_cast<std::size_t>(Limit::HoldRequests)].add();
  if (!bytesFit) context_.metrics.limits[static_cast<std::size_t>(Limit::HoldBytes)].add();
  return requestsFit && bytesFit;
}

void Holding::add(Downstream& client, Leg& leg) {
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
  if (wasRefused(leg)) noteRefused(held, leg);
  publish();
  if (!timer_->active()) timer_->start(kTick);
}

void Holding::remove(Downstream& client, const Leg& leg) {
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
  if (held.refused != nullptr) forgetRefused(held, leg);
  publish();
  client.takeMore();
}

void Holding::noteRefused(Held& held, Leg& leg) {
  if (held.refused == nullptr) held.refused = std::make_unique<Held::Refused>();
  (*held.refused)[leg.slot].push_back(&leg);
}

void Holding::forgetRefused(Held& held, const Leg& leg) {
  const auto found = held.refused->find(leg.slot);
  if (found == held.refused->end()) return;
  std::erase(found->second, &leg);
  if (found->second.empty()) held.refused->erase(found);
  if (held.refused->empty()) held.refused.reset();
}

void Holding::publish() {
  context_.metrics.heldRequests.set(static_cast<std::int64_t>(requests_));
  context_.metrics.heldBytes.set(static_cast<std::int64_t>(bytes_));
}

void Holding::wakeAll() {
  for (Downstream* client : clients_) context_.agenda.add(*client, Task::Pump);
}

void Holding::tick() {
  if (clients_.empty()) return;
  context_.host.touch();
  const std::vector<Downstream*> clients = clients_;  // expiring removes
  bool missesNode = false;
  for (Downstream* client : clients) missesNode = context_.dispatcher.expire(*client) || missesNode;
  if (missesNode) context_.wishes.refreshTopology(true);
  wakeAll();
  timer_->start(kTick);
}

}  // namespace slotless::session
