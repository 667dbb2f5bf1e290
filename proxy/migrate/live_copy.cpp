#include "proxy/migrate/live_copy.h"

#include <algorithm>
#include <utility>

#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

using subcommand::InfoText;
using subcommand::NodeClient;
using subcommand::Reply;

namespace {

constexpr std::chrono::milliseconds kPingInterval{50};
// Consumers change their groups all the time.
constexpr std::chrono::seconds kStreamsInterval{10};

}  // namespace

LiveCopy::LiveCopy(Parts parts)
    : parts_(std::move(parts)),
      throttle_(parts_.settings.maxLatency),
      shop_{parts_.from,
            parts_.to,
            parts_.objectionTo,
            parts_.facts,
            throttle_,
            databases_,
            parts_.counts,
            parts_.streams,
            parts_.failure,
            parts_.settings.bigKeyBytes,
            [this] { return stopped(); },
            [this](const std::string& text) { parts_.reporter.say(text); }},
      walker_(shop_, client(shop_.from, "walker"),
              [this](Key key) {
                KeyQueue& queue = queueOf(key.name);
                queue.addFound(std::move(key));
              }),
      functions_(writer(parts_.from.nodes, "functions"), parts_.from.nodes, parts_.to.nodes,
                 parts_.libraries),
      feeds_(parts_.from.nodes, listener()) {
  for (std::size_t i = 0; i < parts_.settings.parallel; ++i) queues_.emplace_back();
  parts_.to.nodes.takeDoubtful();  // of before
  feeds_.look();
  threads_.emplace_back([this] { pulse(); });
}

LiveCopy::~LiveCopy() {
  ending_ = true;
  for (KeyQueue& queue : queues_) queue.close();
}

NodeWriter LiveCopy::writer(Nodes& nodes, const std::string& what) {
  return {nodes, parts_.name + what + ".", [this] { return stopped(); }};
}

KeyClient LiveCopy::client(const Workshop::Side& side, const std::string& what) {
  return {side.naming, writer(side.nodes, what)};
}

KeyQueue& LiveCopy::queueOf(const std::string& name) {
  return queues_[std::hash<std::string>()(name) % queues_.size()];
}

ChangeFeed::Listener LiveCopy::listener() {
  ChangeFeed::Listener listener;
  listener.changed = [this](const std::string& name) { changed(name); };
  listener.flushed = [this] {
    parts_.reporter.say(parts_.cause +
                        ", or a database of it, was flushed: the other side's keys are walked");
    walker_.want({false, {}, true});
  };
  listener.lost = [this](const std::string& why) {
    ++parts_.counts.feedLosses;
    parts_.reporter.say("the feed of changes was lost (" + why +
                        "): what may have been missed is walked again");
    walker_.want({true, {}, true});
  };
  listener.stopped = [this] { return stopped(); };
  listener.failed = [this](const std::string& why) { parts_.failure.set(why); };
  return listener;
}

void LiveCopy::begin(const Walk& first) {
  if (first.wanted()) walker_.want(first);
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    const std::string number = std::to_string(i);
    Copier& copier = copiers_.emplace_back(shop_, queues_[i], client(shop_.from, "reader-" + number),
                                           client(shop_.to, "copier-" + number));
    threads_.emplace_back([&copier] { copier.run(); });
  }
  threads_.emplace_back([this] { walker_.run(); });
}

void LiveCopy::changed(const std::string& name) {
  for (Key& key : parts_.keysOf(name)) {
    ++parts_.counts.changes;
    KeyQueue& queue = queueOf(key.name);
    if (queue.addChanged(std::move(key))) continue;
    parts_.reporter.say("more keys change than can be kept in mind: everything is walked again");
    walker_.want({true, {}, true});
  }
}

// How long the side that is copied from takes for next to nothing.
void LiveCopy::pulse() {
  std::unique_ptr<NodeClient> client;
  while (!stopped()) {
    const auto view = parts_.from.nodes.view();
    std::this_thread::sleep_for(kPingInterval);
    if (view->masters.empty()) continue;
    const auto& url = view->masters.front().url;
    if (client == nullptr || client->url().shown() != url.shown())
      client = std::make_unique<NodeClient>(url, parts_.from.nodes.options());
    const auto before = Clock::now();
    const Reply reply = client->command({"PING"});
    if (!reply.failed())
      throttle_.measured(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - before));
  }
}

std::optional<LiveCopy::Calls> LiveCopy::askCalls() {
  Calls calls;
  const auto view = parts_.from.nodes.view();
  for (const auto& master : view->masters) {
    NodeClient& node =
        askers_.try_emplace(master.url.shown(), master.url, parts_.from.nodes.options()).first->second;
    const Reply reply = node.command({"INFO", "commandstats"});
    if (reply.failed()) return std::nullopt;
    const InfoText stats(reply.text);
    calls.swaps += subcommand::infoField(stats.value("cmdstat_swapdb"), "calls");
    calls.ofGroups += groupCallsIn(stats);
  }
  return calls;
}

// Nobody is told of these commands, nor of those about consumer groups.
void LiveCopy::noteSwaps(std::int64_t swaps) {
  if (swaps_ >= 0 && swaps > swaps_) {
    parts_.reporter.say("databases of " + parts_.cause + " have been swapped: everything is walked again");
    walker_.want({true, {}, true});
  }
  swaps_ = swaps;
}

bool LiveCopy::rememberCalls() {
  const auto calls = askCalls();
  if (!calls) return false;
  swaps_ = calls->swaps;
  groupCalls_ = calls->ofGroups;
  return true;
}

void LiveCopy::lookAtCalls() {
  const auto calls = askCalls();
  if (!calls) return;
  noteSwaps(calls->swaps);
  if (Clock::now() - streamsAgainAt_ > kStreamsInterval) copyStreamsAgain(calls->ofGroups);
}

// False: no command has been carried out since that could have changed one.
bool LiveCopy::copyStreamsAgain(std::int64_t groupCalls) {
  if (groupCalls == groupCalls_) return false;
  for (Key& key : parts_.streams.all()) {
    KeyQueue& queue = queueOf(key.name);
    if (!queue.addChanged(std::move(key))) walker_.want({true, {}, true});
  }
  groupCalls_ = groupCalls;
  streamsAgainAt_ = Clock::now();
  return true;
}

void LiveCopy::lookAtTarget() {
  parts_.to.nodes.refreshOnce();
  const SlotSet doubtful = parts_.to.nodes.takeDoubtful();
  if (doubtful.none()) return;
  parts_.reporter.say(
      std::to_string(doubtful.count()) +
      " slots of the target have another master, or one that was started anew: they are walked again");
  walker_.want({false, doubtful, true});
}

// It is tried again, and what keeps the copy from catching up is said once.
void LiveCopy::lookAtFunctions() {
  if (!parts_.facts.hasFunctions) return;
  std::string trouble = functions_.copy();
  if (trouble == functionTrouble_ || stopped()) return;
  functionTrouble_ = std::move(trouble);
  if (functionTrouble_.empty()) return parts_.reporter.say("functions are copied again");
  caughtUp_ = false;
  parts_.reporter.say("functions cannot be copied, and the copy does not catch up before they are: " +
                      functionTrouble_);
}

void LiveCopy::look() {
  parts_.from.nodes.refreshOnce();
  feeds_.look();
  if (copiers_.empty()) return;  // it has not begun
  lookAtCalls();
  lookAtTarget();
  lookAtFunctions();
}

// Nothing is left of walks, and nothing is to be walked.
bool LiveCopy::quiet() {
  if (!idle() || !feeds_.isUp()) return false;
  for (const KeyQueue& queue : queues_) {
    if (!queue.walked()) return false;
  }
  return walker_.idle();
}

// All that had changed when the barrier was asked for has been copied: how long that has taken is the lag.
void LiveCopy::tryToCatchUp() {
  if (!quiet()) {
    isAsking_ = false;
    caughtUp_ = false;
    return;
  }
  const auto now = Clock::now();
  if (!isAsking_) {
    feeds_.requestBarrier();
    isAsking_ = true;
    askedSince_ = now;
    reachedAt_.reset();
    return;
  }
  if (!feeds_.reached()) return;
  if (!reachedAt_) reachedAt_ = now;
  for (const KeyQueue& queue : queues_) {
    const auto oldest = queue.oldestChange();
    if (oldest && *oldest <= *reachedAt_) return;
  }
  const auto lag = std::chrono::duration_cast<std::chrono::milliseconds>(now - askedSince_);
  lagMs_ = lag.count();
  caughtUp_ = lag <= parts_.settings.lag;
  caughtUpWith_ = askedSince_;
  isAsking_ = false;
}

// Who writes all the same (--force) is not waited for.
bool LiveCopy::drained(Clock::time_point since) {
  const bool isFirstLook = streamsAgainAt_ < since;
  if (!isFirstLook && caughtUpWith_ < streamsAgainAt_) return false;
  // Clients wait meanwhile: it is asked once a look.
  const auto calls = askCalls();
  if (!calls) return false;
  noteSwaps(calls->swaps);
  if (isFirstLook && !copyStreamsAgain(calls->ofGroups)) streamsAgainAt_ = since;
  if (caughtUpWith_ < streamsAgainAt_) return false;
  lookAtFunctions();
  return quiet();
}

void LiveCopy::freeze(bool frozen) {
  for (KeyQueue& queue : queues_) queue.freeze(frozen);
}

bool LiveCopy::atRest() const {
  return std::none_of(queues_.begin(), queues_.end(), [](const KeyQueue& queue) { return queue.isAtWork(); });
}

const char* LiveCopy::phase() const {
  return !walker_.idle() ? "walking" : caughtUp_ ? "caught up" : "following";
}

Standing LiveCopy::standing() {
  const auto now = Clock::now();
  const Counts& counts = parts_.counts;
  const double seconds = std::chrono::duration<double>(now - lastStanding_).count();
  if (seconds > 0.5) {
    keysPerSecond_ = static_cast<double>(counts.keys - lastKeys_) / seconds;
    bytesPerSecond_ = static_cast<double>(counts.bytes - lastBytes_) / seconds;
    lastKeys_ = counts.keys;
    lastBytes_ = counts.bytes;
    lastStanding_ = now;
  }
  Standing s;
  const bool walking = !walker_.idle();
  s.phase = phase();
  s.database = walker_.database();
  s.walked = walker_.walked();
  s.expected = walker_.expected();
  s.keys = counts.keys;
  s.bytes = counts.bytes;
  s.deleted = counts.deleted;
  for (const KeyQueue& queue : queues_) s.waiting += queue.changedCount();
  s.lagMs = lagMs_;
  s.latencyUs = throttle_.latency().count();
  s.keysPerSecond = keysPerSecond_;
  s.bytesPerSecond = bytesPerSecond_;
  const double elapsed = std::chrono::duration<double>(now - began_).count();
  if (walking && s.walked > 0 && s.expected >= s.walked)
    s.etaSeconds = static_cast<std::int64_t>(elapsed / static_cast<double>(s.walked) *
                                             static_cast<double>(s.expected - s.walked));
  return s;
}

}  // namespace slotless::migrate
