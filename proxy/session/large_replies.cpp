#include "proxy/session/large_replies.h"

#include "proxy/session/client.h"
#include "proxy/session/holding.h"
#include "proxy/session/link_choice.h"
#include "proxy/session/memory_relief.h"
#include "proxy/session/overtaking.h"
#include "proxy/session/services.h"
#include "proxy/session/suspects.h"

namespace slotless::session {

namespace {
// So long a client may take for what is unread of a large reply while others have no connection for theirs.
constexpr net::Millis kPatienceWithSlowest{2000};
}  // namespace

bool awaitsTurn(const Leg& leg) noexcept {
  return leg.detour->large && !leg.request->isHead();
}

bool LargeReplies::overfills(const Client& client, std::uint64_t bytes) const {
  const std::uint64_t hard = services_.config.clientOutputHardLimit;
  return (hard > 0 && client.outputBytes() + bytes > hard) || services_.relief.isTooMuch(bytes);
}

bool LargeReplies::decline(Leg& leg, std::uint64_t left, const upstream::SentRequest& sent) {
  const Request& request = *leg.request;
  if (request.client == nullptr || request.kind != RequestKind::Read || !request.streams()) return false;
  if (leg.inDoubt() || services_.holding.off() || !overfills(*request.client, left)) return false;
  // Repeated, it would see what came after it.
  if (readsFromReplica(leg) || mayBeOvertaken(leg)) return false;
  if (leg.detour == nullptr) leg.detour = std::make_unique<Detour>(services_.host.pool);
  leg.detour->alone = leg.detour->large = true;
  leg.detour->suspicion =
      services_.suspects.suspect(leg.slot, sent, request.frontBytes, services_.host.now, true);
  sender_.holdAgain(leg, Trouble::Unsent, sent);
  return true;
}

void LargeReplies::goOn(Client& client) {
  const Request* head = client.pending().head();
  if (head == nullptr || !head->streams()) return;
  const Leg& leg = head->leg(0);
  upstream::Link* const link = leg.detour == nullptr ? nullptr : leg.detour->lone.link();
  if (link != nullptr) link->resumeReading();
}

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

void pauseIfUnread(const Services& services, Leg& leg) {
  Client* const client = leg.request->client;
  if (client == nullptr || leg.detour == nullptr || leg.link == nullptr) return;
  if (leg.detour->lone.link() != leg.link || client->state() == ClientState::Closed) return;
  if (!leg.request->isHead() || client->unsentBytes() <= services.config.clientOutputSoftLimit) return;
  leg.link->pauseReading();
  client->awaitRoom();
}

}  // namespace slotless::session
