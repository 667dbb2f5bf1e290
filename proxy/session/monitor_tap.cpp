#include "proxy/session/monitor_tap.h"

#include <algorithm>
#include <utility>

#include "protocol/error_reply.h"
#include "proxy/pubsub/monitor_text.h"
#include "proxy/session/client.h"
#include "proxy/session/worker_poll.h"

namespace slotless::session {

using protocol::CommandSpec;
using protocol::ErrorClass;
using protocol::SessionRole;

namespace {

// The replies of a transaction that was run are longer than nil is in either protocol.
constexpr std::size_t kLongestNil = 5;

// Feeds MONITOR itself, before it runs anything.
bool isScript(const CommandSpec& spec) {
  return spec.has(protocol::kSkipMonitor) && spec.in(protocol::kCategoryScripting);
}

bool isShown(const CommandSpec& spec) {
  return !spec.has(protocol::kAdmin) && (!spec.has(protocol::kSkipMonitor) || isScript(spec));
}

// As Redis has it: MONITOR shows what was run, with whatever result.
bool saysNotRun(std::string_view line) {
  constexpr std::string_view kNoPermission = "-NOPERM";
  if (line.starts_with(kNoPermission)) return true;
  switch (protocol::classifyError(line).errorClass) {
    case ErrorClass::Moved:
    case ErrorClass::Ask:
    case ErrorClass::TryAgain:
    case ErrorClass::ClusterDown:
    case ErrorClass::Loading:
    case ErrorClass::ReadOnly:
    case ErrorClass::MasterDown:
    case ErrorClass::NoAuth:
    case ErrorClass::Busy:
    case ErrorClass::Misconf:
    case ErrorClass::NoReplicas:
    case ErrorClass::OutOfMemory: return true;
    default: return false;
  }
}

// As MONITOR names it: of a Unix socket only the path.
std::string addressOf(const Client& client) {
  const net::Address& peer = client.peer();
  return peer.port == 0 ? "unix:" + peer.host : peer.text();
}

// Refused by the state of the session, before it is run.
bool isRefused(const Client& client, const CommandSpec& spec, Verdict verdict) {
  const bool touchesKeys = spec.has(protocol::kWrite) || spec.has(protocol::kReadOnly);
  const bool forbidden = client.conversation().mode() == Mode::Queueing && spec.has(protocol::kNoMulti);
  return forbidden || verdict == Verdict::RefuseSubscribed || verdict == Verdict::RefuseInTransaction ||
         (client.conversation().monitoring() && touchesKeys);
}

}  // namespace

void MonitorTap::join(std::function<void()> noted) {
  ++watchers_;
  const bool first = !std::exchange(told_, true);
  askWorkers<bool>(
      services_,
      [first](Services& there, std::size_t) {
        if (first) ++there.tap.watchingWorkers_;
        return true;
      },
      [noted = std::move(noted)](const std::vector<bool>&) { noted(); });
}

MonitorTap::Sight MonitorTap::look(const Client& client, const CommandSpec& spec, protocol::Argv argv) const {
  const Conversation& conversation = client.conversation();
  const Verdict verdict = verdictFor(conversation.mode(), spec.role);
  Sight sight;
  sight.shown = isShown(spec) && !isRefused(client, spec, verdict);
  if (!sight.shown) return sight;
  sight.queued = verdict == Verdict::Queue;
  sight.early = isScript(spec) || verdict == Verdict::WaitForReplicas;
  sight.database = conversation.database().index;
  sight.outputBytes = client.outputBytes();
  sight.arguments = pubsub::monitoredArguments(argv);
  const Transaction* transaction = conversation.transaction();
  if (spec.role == SessionRole::Exec && transaction != nullptr && !transaction->failed()) {
    sight.transaction = transaction->monitored;
    // Whether a watch lets it run is known at the end only.
    sight.early = transaction->runsMonitoredScript && !conversation.watch().on();
  }
  return sight;
}

void MonitorTap::onTaken(Client& client, const CommandSpec& spec, Sight sight) {
  if (!sight.shown) return;
  Conversation& conversation = client.conversation();
  const bool executes = spec.role == SessionRole::Exec;
  const std::uint32_t database = executes ? sight.database : conversation.database().index;
  std::string command = pubsub::monitoredCommand(database, addressOf(client), sight.arguments);
  if (sight.queued) return conversation.noteQueued(spec, std::move(command));
  const std::size_t grown = client.outputBytes() - std::min(client.outputBytes(), sight.outputBytes);
  if (executes && grown > 0 && grown <= kLongestNil) sight.transaction.reset();
  Request* last = client.pending().tail();
  Note note{std::move(command), std::move(sight.transaction), true};
  if (last == nullptr) return show(note);
  Notes& notes = notes_[last];
  note.own = notes.empty() && last->spec == &spec;
  notes.push_back(std::move(note));
  if (sight.early || conversation.blocked()) showAllOf(client);
}

void MonitorTap::onError(const Request& request, std::string_view line) {
  const auto found = notes_.find(&request);
  if (found == notes_.end() || found->second.empty() || !found->second.front().own) return;
  Notes& notes = found->second;
  if (request.legCount() == 1 && saysNotRun(line)) {
    notes.erase(notes.begin());
  } else {
    notes.front().transaction.reset();
  }
}

void MonitorTap::onDone(const Request& request) {
  const auto found = notes_.find(&request);
  if (found == notes_.end()) return;
  for (Note& note : found->second) {
    if (request.replyBytes > 0 && request.replyBytes <= kLongestNil) note.transaction.reset();
    show(note);
  }
  notes_.erase(found);
}

void MonitorTap::onAbandoned(const Request& request) {
  bool sent = request.done;
  for (std::size_t i = 0; i < request.legCount(); ++i) {
    const LegState state = request.leg(i).state;
    sent = sent || state == LegState::Sent || state == LegState::Done;
  }
  if (sent) return onDone(request);
  notes_.erase(&request);
}

void MonitorTap::show(const Note& note) {
  if (note.transaction != nullptr) {
    for (const std::string& command : *note.transaction) pubsub::appendMonitorLine(lines_, command);
  }
  pubsub::appendMonitorLine(lines_, note.command);
}

// In their order, whether they have been answered or not.
void MonitorTap::showAllOf(const Client& client) {
  for (const Request* each = client.pending().head(); each != nullptr; each = each->next) onDone(*each);
}

void MonitorTap::pass() {
  if (told_ && watchers_ == 0) {
    told_ = false;
    services_.control.tellWorkers([](Services& there, std::size_t) {
      if (--there.tap.watchingWorkers_ == 0) there.tap.notes_.clear();
    });
  }
  if (lines_.empty()) return;
  const auto lines = std::make_shared<const std::string>(std::move(lines_));
  lines_.clear();
  services_.monitors.show(*lines);
  if (watchingWorkers_ <= (told_ ? 1U : 0U)) return;
  const Services* own = &services_;
  services_.control.tellWorkers([own, lines](Services& there, std::size_t) {
    if (&there != own) there.monitors.show(*lines);
  });
}

}  // namespace slotless::session
