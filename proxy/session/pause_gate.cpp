#include "proxy/session/pause_gate.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

#include "protocol/encoder.h"
#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/request.h"
#include "proxy/scripts/script_writes.h"
#include "proxy/session/client.h"
#include "proxy/session/console_table.h"
#include "proxy/session/worker_poll.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {
// How often PROXY PAUSE looks whether all is quiet.
constexpr net::Millis kRecount{10};
}  // namespace

PauseGate::PauseGate(Services& services)
    : services_(services),
      end_(services.host.loop.makeTimer([this] {
        services_.host.touch();
        unpause();
      })),
      closingEnd_(services.host.loop.makeTimer([this] {
        services_.host.touch();
        endClosingsInTime();
      })),
      functions_(services.links, services.denials, [this] { wakeAll(); }),
      recount_(services.host.loop.makeTimer([this] { countInFlight(); })) {}

void PauseGate::pause(PauseKind kind, net::Millis duration) {
  if (duration.count() == 0) return;
  kind_ = std::max(kind_, kind);
  until_ = std::max(until_, services_.host.now + duration);
  end_->start(std::chrono::ceil<net::Millis>(until_ - services_.host.now));
}

void PauseGate::unpause() {
  end_->stop();
  kind_ = PauseKind::None;
  until_ = {};
  functions_.forget();
  wakeAll();
}

void PauseGate::close(const Closing& closing) {
  std::erase_if(closings_, [&](const Closing& each) { return each.client == closing.client; });
  closings_.push_back(closing);
  onClosingsChanged();
}

bool PauseGate::open() {
  if (closings_.empty()) return false;
  closings_.clear();
  onClosingsChanged();
  return true;
}

void PauseGate::shut(bool shut) {
  shut_ = shut;
  if (!shut) wakeAll();
}

void PauseGate::dropClosing(std::uint64_t client) {
  std::erase_if(closings_, [&](const Closing& each) { return each.client == client; });
  onClosingsChanged();
}

void PauseGate::endClosingOf(const Client& client) {
  const std::uint64_t id = client.id();
  const bool ends = std::any_of(closings_.begin(), closings_.end(),
                                [&](const Closing& each) { return each.client == id && !each.until; });
  if (!ends) return;
  log::warn("pause over", {{"reason", "its connection was closed"}, {"client", id}});
  dropClosing(id);
  // Also here: the order to pause may still be under way to this worker as well.
  services_.control.tellWorkers([id](Services& there, std::size_t) { there.gate.dropClosing(id); });
}

// On every worker by itself; the one that the client is, or was, connected to tells.
void PauseGate::endClosingsInTime() {
  std::erase_if(closings_, [&](const Closing& each) {
    if (!each.until || *each.until > services_.host.now) return false;
    if (each.tells)
      log::warn("pause over",
                {{"reason", "its time was over"}, {"client", each.client}, {"peer", each.peer}});
    return true;
  });
  onClosingsChanged();
}

void PauseGate::onClosingsChanged() {
  services_.metrics.paused.set(closings_.empty() ? 0 : 1);
  if (closings_.empty()) wakeAll();
  std::optional<net::TimePoint> next;
  for (const Closing& each : closings_) {
    if (each.until) next = std::min(next.value_or(*each.until), *each.until);
  }
  closingEnd_->stop();
  if (!next) return;
  const auto left = std::chrono::ceil<net::Millis>(*next - services_.host.now);
  closingEnd_->start(std::max(left, net::Millis{1}));
}

bool PauseGate::stops(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv) {
  if (isConsoleCommand(spec)) return false;
  const bool byConsole = !closings_.empty() && !spec.has(protocol::kNoAuth);
  const bool byPause = kind_ == PauseKind::All ||
                       (kind_ == PauseKind::Writes && client.conversation().writes(spec, argv) &&
                        !functions_.writesNothing(functionCalledBy(spec, argv), services_.host.now));
  const bool byCutOver = shut_ && client.conversation().mode() != Mode::Queueing;
  if (!byConsole && !byPause && !byCutOver) return false;
  if (client.postpone(true)) waiting_.push_back(&client);
  return true;
}

// They are asked anew, and may find themselves stopped again.
void PauseGate::wakeAll() {
  for (Client* client : waiting_) {
    client->postpone(false);
    client->wake();
  }
  waiting_.clear();
}

void PauseGate::forget(Client& client) {
  if (client.postpone(false)) std::erase(waiting_, &client);
}

void PauseGate::awaitQuiet(Request& request, net::Millis patience) {
  const auto told = [this, asking = &request](std::size_t inFlight) {
    std::string reply;
    if (inFlight == 0) {
      protocol::appendSimple(reply, "OK");
    } else {
      protocol::appendError(reply, "ERR paused, but " + std::to_string(inFlight) +
                                       " requests are still in flight; new ones wait for PROXY RESUME");
    }
    services_.dispatcher.finishLate(*asking, reply);
  };
  waits_.push_back({services_.host.now + patience, told, &request});
  countInFlight();
}

void PauseGate::awaitQuiet(std::function<void(std::size_t inFlight)> told, net::Millis patience) {
  waits_.push_back({services_.host.now + patience, std::move(told)});
  countInFlight();
}

void PauseGate::countInFlight() {
  askWorkers<std::size_t>(
      services_,
      [](Services& services, std::size_t) {
        return services.requests.countOpen(
            [](const Request& request) { return !isConsoleCommand(*request.spec); });
      },
      [this](const std::vector<std::size_t>& parts) {
        settleWaits(std::accumulate(parts.begin(), parts.end(), std::size_t{0}));
      });
}

// Who is told may begin to wait again.
void PauseGate::settleWaits(std::size_t inFlight) {
  const auto goesOn = [&](const Wait& wait) {
    const bool isWanted = wait.request == nullptr || wait.request->client != nullptr;
    return inFlight > 0 && services_.host.now < wait.deadline && isWanted;
  };
  const auto end = std::stable_partition(waits_.begin(), waits_.end(), goesOn);
  const std::vector<Wait> over(std::make_move_iterator(end), std::make_move_iterator(waits_.end()));
  waits_.erase(end, waits_.end());
  for (const Wait& wait : over) wait.told(inFlight);
  if (!waits_.empty() && !recount_->active()) recount_->start(kRecount);
}

}  // namespace slotless::session
