// The part of subscriptions that hears from the hub: messages, and what is confirmed or refused.
#include <algorithm>
#include <utility>

#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "proxy/dispatch/failure_tally.h"
#include "proxy/dispatch/traced_request.h"
#include "proxy/dispatch/work.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/session/subscriptions.h"

namespace slotless::session {

using protocol::CommandSpec;
using pubsub::Topic;
using pubsub::TopicKind;

namespace {

constexpr std::string_view kNotInTime = "-CLUSTERDOWN The subscription could not be made in time\r\n";

}  // namespace

class Subscriptions::Confirming final : public Work {
 public:
  explicit Confirming(Subscriptions& owner) : owner_(owner) {}
  bool goOn(WorkBudget& budget) override {
    if (!owner_.confirmReady(budget)) return false;
    owner_.confirming_ = false;
    return true;
  }

 private:
  Subscriptions& owner_;
};

// --- what the hub says ---

void Subscriptions::onMessage(std::string_view message) {
  if (client_ == nullptr) return;
  if (client_->seesSomeDatabases() && !mayKnowOf(message)) return;
  const char first = client_->protocol >= 3 ? '>' : '*';
  if (numbering_.same()) return client_->push(first, message);
  if (const auto own = messageForClient(message)) client_->push(first, *own);
}

void Subscriptions::onLive(Topic& topic) {
  for (Pending& pending : pending_) pending.awaited.erase(&topic);
  confirmReady();
}

void Subscriptions::onRefused(Topic& topic, std::string_view line) {
  for (Pending& pending : pending_) {
    if (pending.awaited.erase(&topic) > 0) pending.refusal = line;
  }
  confirmReady();
}

// As Redis closes who may not hear its channels any more.
void Subscriptions::onBarred(std::string_view line) {
  if (client_ != nullptr && client_->nodeUser() != nullptr && protocol::isDenial(line))
    client_->close("its user may not listen to its channels any more");
}

void Subscriptions::onWaiting() {
  for (Pending& pending : pending_) {
    if (services_.host.now >= pending.deadline && !pending.awaited.empty()) pending.refusal = kNotInTime;
  }
  confirmReady();
}

// --- confirming ---

void Subscriptions::confirmReady() {
  if (confirming_ || client_ == nullptr) return;
  WorkBudget budget(kMostAtOnce * kUnitsPerTopic);
  if (confirmReady(budget)) return;
  confirming_ = true;
  services_.workbench.add(client_, std::make_unique<Confirming>(*this));
}

// True: all that can be confirmed now has been.
bool Subscriptions::confirmReady(WorkBudget& budget) {
  while (!pending_.empty()) {
    Pending& front = pending_.front();
    const bool refused = !front.refusal.empty();
    if (!front.complete || (!front.awaited.empty() && !refused)) return true;
    Request& request = *front.request;
    std::string out;
    if (!refused) request.muted = false;  // CLIENT REPLY OFF is about replies, as Redis sees it
    const bool all = refused ? release(front, budget) : confirm(front, out, budget);
    if (all && refused) out = front.refusal;
    client_->deliver(request, out);
    if (!all) return false;
    const CommandSpec& spec = *front.spec;
    pending_.pop_front();
    finish(request, spec, refused);
  }
  return true;
}

void Subscriptions::finish(Request& request, const CommandSpec& spec, bool refused) {
  services_.metrics.command(spec.id).record(
      std::chrono::duration_cast<net::Micros>(services_.host.now - request.arrived), refused);
  if (refused) FailureTally::add(client_->id());
  if (request.trace != nullptr) traceDone(services_, request, refused);
  client_->onRequestDone(request);
}

// The client's from now on. True: all of them are.
bool Subscriptions::confirm(Pending& pending, std::string& out, WorkBudget& budget) {
  for (; pending.done < pending.topics.size(); ++pending.done) {
    if (!budget.left()) return false;
    budget.spend(kUnitsPerTopic);
    Topic& topic = *pending.topics[pending.done];
    const auto [position, isNew] = of(pending.kind).emplace(topic.name(), &topic);
    if (isNew) {
      nameBytes_ += topic.name().size();
      hub_.listen(topic, *this);
    } else {
      hub_.drop(topic);
    }
    appendNotice(out, pending.spec->name, pending.kind, &position->first);
  }
  return true;
}

// What is not the client's yet. True: all of it.
bool Subscriptions::release(Pending& pending, WorkBudget& budget) {
  for (; pending.done < pending.topics.size(); ++pending.done) {
    if (!budget.left()) return false;
    budget.spend(kUnitsPerTopic);
    Topic* topic = pending.topics[pending.done];
    pending.awaited.erase(topic);
    const bool awaitedByOthers = std::any_of(pending_.begin(), pending_.end(), [&](const Pending& other) {
      return &other != &pending && other.awaited.contains(topic);
    });
    if (!awaitedByOthers) hub_.stopAwaiting(*topic, *this);
    hub_.drop(*topic);
  }
  return true;
}

}  // namespace slotless::session
