// The part of a conversation that has the client told what it does not ask for each time: subscriptions,
// MONITOR, tracking.
#include <algorithm>
#include <memory>
#include <string>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/session/client.h"
#include "proxy/session/conversation.h"
#include "proxy/session/redirection.h"
#include "proxy/tracking/trackers.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

constexpr std::string_view kNoPrefixInGroups =
    "ERR PREFIX is not possible in a grouped database, whose keys do not begin alike in the cluster: without it "
    "all keys are told of";

}  // namespace

Conversation::Outcome Conversation::subscribe(const Command& command) {
  if (subscriptions_ == nullptr) subscriptions_ = std::make_unique<Subscriptions>(client_, services_);
  if (client_.pending().size() > subscriptions_->unconfirmed()) return Outcome::Wait;
  if (subscriptions_->refuses(*command.spec, command.argv)) return Outcome::Done;
  if (command.argv.size() <= Subscriptions::kMostAtOnce) {
    subscriptions_->subscribe(*command.spec, command.argv);
  } else {
    client_.holdInput();
    subscriptions_->subscribeLong(*command.spec, client_.own(command));
  }
  return Outcome::Done;
}

Conversation::Outcome Conversation::unsubscribe(const Command& command) {
  if (!client_.pending().empty()) return Outcome::Wait;
  if (subscriptions_ == nullptr) subscriptions_ = std::make_unique<Subscriptions>(client_, services_);
  const bool fenced = subscriptions_->fence(*command.spec, command.argv);
  if (!fenced && !subscriptions_->endsMany(*command.spec, command.argv)) {
    subscriptions_->unsubscribe(*command.spec, command.argv);
  } else {
    client_.holdInput();
    subscriptions_->unsubscribeLong(*command.spec, client_.own(command), fenced);
  }
  return Outcome::Done;
}

Conversation::Outcome Conversation::monitor(const CommandSpec& spec) {
  if (monitoring()) return Outcome::Done;  // as Redis: no reply
  if (!client_.pending().empty()) return Outcome::Wait;
  becomeExclusive(false);
  monitoring_.reset();
  monitoring_ = std::make_unique<Monitoring>(client_, services_, spec);
  return Outcome::Done;
}

// --- tracking ---

Conversation::Outcome Conversation::track(const CommandSpec& spec, protocol::Argv argv) {
  if (!client_.pending().empty()) return Outcome::Wait;
  std::string error;
  auto options = parseTracking(argv, error);
  if (!options) return refuse(spec, error);
  const databases::Database& database = client_.database();
  const auto isSpelled = [](const std::string& prefix) { return !prefix.empty(); };
  if (database.grouped() && std::any_of(options->prefixes.begin(), options->prefixes.end(), isSpelled))
    return refuse(spec, kNoPrefixInGroups);
  if (!database.grouped()) options->keyPrefix = database.prefix;
  Request& request = client_.addRequest(spec);
  services_.dispatcher.startLate(request);
  becomeExclusive(false);
  if (!options->redirect) {
    switchTracking(request, *options, {});
    return Outcome::Done;
  }
  const auto id = static_cast<std::uint64_t>(*options->redirect);
  const RedirectingUser user = redirectingUser(client_, services_);
  if (canTell(services_, id, user)) {
    switchTracking(request, *options, RedirectTarget{id, std::nullopt});
    return Outcome::Done;
  }
  findTarget(services_, id, user, [this, &request, options = *options](const auto& target) {
    if (request.client == nullptr) {
      services_.dispatcher.finishLate(request, {});
    } else if (target) {
      switchTracking(request, options, *target);
    } else {
      refuseLate(request, "ERR The client ID you want redirect to does not exist");
    }
  });
  return Outcome::Done;
}

void Conversation::switchTracking(Request& request, const TrackingOptions& options,
                                  const RedirectTarget& target) {
  const bool on = options.on;
  if (tracking_ == nullptr && on)
    tracking_ = std::make_unique<Tracking>(client_, client_, services_, services_.trackers);
  if (on) {
    if (const auto objection = tracking_->mode().objectionTo(options)) return refuseLate(request, *objection);
  } else if (tracking_ != nullptr) {
    tracking_->turnOff();
  }
  const bool seen = on && (client_.protocol >= 3 || options.redirect);
  if (on && !seen) tracking_->turnOnUnseen(options);
  if (!seen) return services_.dispatcher.finishLate(request, "+OK\r\n");
  // Its other leases would not remember what is read: EXEC answers nil.
  if (watch_.on() && !engaged()) watch_.lose();
  tracking_->turnOn(request, options, target);
}

void Conversation::refuseLate(Request& request, std::string_view line) {
  std::string error;
  protocol::appendError(error, line);
  services_.dispatcher.finishLate(request, error);
}

// As in Redis: other CLIENT commands in between do not count.
bool Conversation::isCachingEndedBy(protocol::Argv argv) const noexcept {
  return tracking_->cachingGiven() && !protocol::equalsIgnoringCase(argv[0], "client");
}

}  // namespace slotless::session
