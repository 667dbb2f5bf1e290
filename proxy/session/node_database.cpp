#include "proxy/session/node_database.h"

#include <algorithm>
#include <utility>

#include "protocol/encoder.h"
#include "protocol/key_scheme.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

using upstream::Link;
using upstream::LinkPool;

namespace {
// Of the slot of what would be the pinned database: a few of database 0 may be among them.
constexpr std::string_view kMostKeys = "1000";
}  // namespace

// --- what is left of another layout ---

LeftoverQuestion::LeftoverQuestion(std::uint32_t database)
    : prefix_(protocol::pinnedPrefix(database, protocol::tagFor(database))) {
  slot_ = protocol::slotOf(prefix_);
  const std::string slot = std::to_string(slot_);
  protocol::appendRequest(request_, {{"CLUSTER", "GETKEYSINSLOT", slot, kMostKeys}});
}

void LeftoverQuestion::ask(Link& link) {
  state_ = State::Asked;
  reply_.clear();
  link.send(*this, request_, upstream::Front::None);
}

void LeftoverQuestion::forget() noexcept {
  if (state_ == State::Clean || state_ == State::Found) state_ = State::Unasked;
}

void LeftoverQuestion::onReply(std::string_view bytes, bool last) {
  reply_.append(bytes);
  if (!last) return;
  state_ = State::Clean;
  const auto keys = routing::elementsOf(reply_);
  if (!keys) return;
  for (const std::string_view each : *keys) {
    const auto name = routing::textOf(each);
    if (!name || !name->starts_with(prefix_)) continue;
    state_ = State::Found;
    name_ = *name;
    return;
  }
}

// Who may not ask that (an ACL, a managed service) is believed.
void LeftoverQuestion::onErrorReply(std::string_view, const upstream::SentRequest&) {
  state_ = State::Clean;
}

void LeftoverQuestion::onLost(upstream::Loss, const upstream::SentRequest&) {
  state_ = State::Unasked;
}

// --- the database ---

NodeDatabase::NodeDatabase(upstream::LinkHost& host, upstream::LinkSettings itsSettings,
                           telemetry::WorkerMetrics& metrics, upstream::LeaseBudgets& budgets,
                           telemetry::Denials& denials, upstream::OpenLinks open)
    : settings_(std::move(itsSettings)),
      links_(host, settings_, metrics, budgets, denials, open),
      leftovers_(settings_.access.database) {}

void NodeDatabase::setSettings(upstream::LinkSettings settings) {
  settings_ = std::move(settings);
  links_.setSettings(settings_);
}

void NodeDatabase::look(net::TimePoint now, net::Millis patience) {
  if (looking_) return;
  looking_ = true;
  until_ = now + patience;
  leftovers_.forget();
}

// Whether each master has taken SELECT. One that cannot be reached does not keep the others from being used, unless
// it may be the one that has refused it before.
bool NodeDatabase::allGreeted() {
  LinkPool& pool = links_.shared(2);
  const auto& nodes = pool.topology().nodes;
  bool all = !nodes.empty();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].master) continue;
    const Link& link = pool.linkTo(static_cast<cluster::NodeIndex>(i));
    all = all && (link.up() || (standing_ == Standing::Unknown && link.failing()));
  }
  return all && links_.anyUp();
}

bool NodeDatabase::goOn(net::TimePoint now, LinkPool& own) {
  if (!looking_) return false;
  using State = LeftoverQuestion::State;
  if (leftovers_.state() == State::Unasked) {
    Link* link = own.linkFor(leftovers_.slot());
    if (link != nullptr && link->ready()) leftovers_.ask(*link);
  }
  if (leftovers_.state() == State::Found) {
    const std::string number = std::to_string(index());
    refuse("ERR database " + number + " has keys that layout pinned has left, such as '" + leftovers_.name() +
           "': move them first, or give database " + number + " its layout back (database-layout)");
    return true;
  }
  const bool known = allGreeted() && leftovers_.state() == State::Clean;
  if (!known && now < until_) return false;
  looking_ = false;
  if (!known && standing_ == Standing::Refused) return false;
  standing_ = Standing::Open;
  refusal_.clear();
  return true;
}

void NodeDatabase::refuse(std::string line) {
  looking_ = false;
  standing_ = Standing::Refused;
  refusal_ = std::move(line);
}

void NodeDatabase::await(std::uint64_t client) {
  if (std::find(waiting_.begin(), waiting_.end(), client) == waiting_.end()) waiting_.push_back(client);
}

std::vector<std::uint64_t> NodeDatabase::takeWaiting() noexcept {
  return std::exchange(waiting_, {});
}

}  // namespace slotless::session
