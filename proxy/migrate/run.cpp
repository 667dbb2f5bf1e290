#include "proxy/migrate/run.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/migrate/attendance.h"
#include "proxy/migrate/change_feed.h"
#include "proxy/migrate/copier.h"
#include "proxy/migrate/functions.h"
#include "proxy/migrate/journal.h"
#include "proxy/migrate/replicated.h"
#include "proxy/migrate/walker.h"
#include "proxy/subcommand/info_text.h"
#include "proxy/subcommand/stop_signal.h"

namespace slotless::migrate {

using subcommand::catchStopSignals;
using subcommand::InfoText;
using subcommand::NodeClient;
using subcommand::Reply;
using subcommand::stopSignalled;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kLookAtFeed{1000};
constexpr std::chrono::milliseconds kReplicaPatience{5000};
constexpr std::string_view kName = "slotless-migrate";

std::int64_t wallClockMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Run {
 public:
  Run(const Settings& settings, Reporter& reporter)
      : settings_(settings),
        reporter_(reporter),
        places_(settings.config),
        target_(settings.to, settings.toOptions, settings.config.addressMap),
        throttle_(settings.maxLatency),
        shop_{places_,
              facts_,
              target_,
              throttle_,
              databases_,
              counts_,
              failure_,
              settings.bigKeyBytes,
              [this] { return stopped(); },
              [this](const std::string& text) { reporter_.say(text); }},
        journal_(writer("journal")),
        look_(source()),
        functions_(source(), target_),
        attendance_(journal_, settings.config,
                    {[this](Clock::time_point since) { return drained(since); },
                     [this](bool frozen) {
                       for (KeyQueue& queue : queues_) queue.freeze(frozen);
                     },
                     [this] { return atRest(); }, [this](const std::string& text) { reporter_.say(text); }}) {
  }

  int run();

 private:
  // A thread that has ended when it is destroyed.
  struct Thread {
    std::thread thread;
    explicit Thread(std::function<void()> work) : thread(std::move(work)) {}
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;
    ~Thread() { thread.join(); }
  };

  bool stopped() const { return ending_ || failure_.happened() || stopSignalled(); }
  Source source() {
    return {settings_.from, settings_.fromOptions, [this] { return stopped(); }};
  }
  TargetWriter writer(const std::string& what) {
    return {target_, std::string(kName) + ":" + what + ".", [this] { return stopped(); }};
  }
  KeyQueue& queueOf(const std::string& name) {
    return queues_[std::hash<std::string>()(name) % queues_.size()];
  }

  bool prepare();
  bool takePlace();
  bool databasesAreEmpty(bool& empty);
  void endFormerProcess();
  void work();
  void pulse();
  void changed(std::string name);
  void follow();
  // Each second.
  void look();
  void lookAtSwaps();
  void lookAtTarget();
  void lookAtFunctions();
  Journal::Fields fieldsNow();
  void record();
  const char* phase() const { return !walker_->idle() ? "walking" : caughtUp_ ? "caught up" : "following"; }
  Standing standing();
  bool quiet();
  void tryToCatchUp();
  bool drained(Clock::time_point since);
  bool atRest();
  bool replicated();
  void attend();
  bool settle();

  const Settings& settings_;
  Reporter& reporter_;
  const Places places_;
  SourceFacts facts_;
  Target target_;
  Throttle throttle_;
  KnownDatabases databases_;
  Counts counts_;
  Failure failure_;
  std::atomic<bool> ending_{false};
  Workshop shop_;
  Journal journal_;
  Source look_;
  FunctionCopier functions_;
  Attendance attendance_;
  std::deque<KeyQueue> queues_;
  std::unique_ptr<Walker> walker_;
  std::unique_ptr<ChangeFeed> feed_;

  Journal::Fields former_;
  std::int64_t swaps_ = -1;
  std::string functionTrouble_;
  std::uint64_t barrier_ = 0;  // that is under way; 0: none
  Clock::time_point barrierSince_;
  std::optional<Clock::time_point> barrierReached_;
  Clock::time_point caughtUpWith_;  // all that had changed by then has been copied
  bool caughtUp_ = false;
  bool saidCaughtUp_ = false;
  std::int64_t lagMs_ = 0;
  Clock::time_point began_ = Clock::now();
  Clock::time_point lastStanding_ = Clock::now();
  std::uint64_t lastKeys_ = 0;
  std::uint64_t lastBytes_ = 0;
  double keysPerSecond_ = 0;
  double bytesPerSecond_ = 0;
};

bool Run::databasesAreEmpty(bool& empty) {
  empty = true;
  const auto view = target_.view();
  for (const auto& master : view->masters) {
    for (const std::uint32_t database : places_.nodeDatabases()) {
      subcommand::ServerUrl url = master.url;
      url.database = database;
      NodeClient node(url, settings_.toOptions);
      std::string cursor = "0";
      do {
        const Reply page = node.command({"SCAN", cursor, "COUNT", "1000"});
        if (page.items.size() != 2) {
          failure_.set(url.shown() + ": SCAN: " + page.text);
          return false;
        }
        cursor = page.items[0].text;
        for (const Reply& name : page.items[1].items) {
          const auto key = places_.keyOf(name.text, database);
          if (!key || !places_.objectionTo(key->database).empty()) continue;
          empty = false;
          return true;
        }
      } while (cursor != "0" && !stopped());
    }
  }
  return true;
}

// What a process that was killed has sent, and no server has read yet, must not come behind what is sent now.
void Run::endFormerProcess() {
  const auto view = target_.view();
  for (const auto& master : view->masters) {
    NodeClient node(master.url, settings_.toOptions);
    subcommand::ConnectOptions options = settings_.toOptions;
    options.clientName = "slotless-migrate-start";
    node = NodeClient(master.url, options);
    if (node.open().empty() && !endConnections(node, std::string(kName) + ":") && node.isOpen())
      std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

// The error is in failure_.
bool Run::takePlace() {
  auto error = journal_.acquire([this](const std::string& text) { reporter_.say(text); });
  if (error.empty()) error = journal_.read(former_);
  if (!error.empty()) {
    failure_.set(error);
    return false;
  }
  const bool goesOn = former_.contains("identity");
  if (goesOn && former_["identity"] != settings_.identity()) {
    failure_.set("the target holds another migration (" + former_["identity"] +
                 "); slotless migrate abort forgets it");
    return false;
  }
  if (!goesOn && !settings_.overwrite) {
    bool empty = false;
    if (!databasesAreEmpty(empty)) return false;
    if (!empty) {
      failure_.set(
          "the target has keys already; with --overwrite they may be replaced, and those that the source does "
          "not have are deleted");
      return false;
    }
  }
  endFormerProcess();
  if (goesOn)
    reporter_.say(
        "going on with a migration that was begun before: what may have been missed since is walked "
        "again");
  return true;
}

bool Run::prepare() {
  facts_ = factsOf(settings_.from, settings_.fromOptions);
  if (!facts_.error.empty()) {
    failure_.set(facts_.error);
    return false;
  }
  std::string error = target_.refresh();
  if (error.empty()) error = attendance_.objection();
  if (error.empty() && !target_.view()->complete()) error = "the cluster does not serve all of its slots";
  if (!error.empty()) {
    failure_.set("the target: " + error);
    return false;
  }
  const auto keyspace = look_.ask(0, {"INFO", "keyspace"});
  if (!keyspace) return false;
  const auto sizes = databasesIn(keyspace->text);
  databases_.take(sizes);
  for (const auto& [database, size] : sizes) {
    if (auto objection = places_.objectionTo(database); !objection.empty()) {
      failure_.set(objection);
      return false;
    }
  }
  return takePlace();
}

void Run::changed(std::string name) {
  ++counts_.changes;
  KeyQueue& queue = queueOf(name);
  if (!queue.addChanged(std::move(name))) {
    reporter_.say("more keys change than can be kept in mind: everything is walked again");
    walker_->want({true, {}, true});
  }
}

// How long the source takes for next to nothing.
void Run::pulse() {
  NodeClient client(settings_.from, settings_.fromOptions);
  while (!stopped()) {
    const auto before = Clock::now();
    const Reply reply = client.command({"PING"});
    if (!reply.failed())
      throttle_.measured(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - before));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

Journal::Fields Run::fieldsNow() {
  const std::string now = std::to_string(wallClockMs());
  Journal::Fields fields{{"identity", settings_.identity()},
                         {"source", settings_.from.shown()},
                         {"software", facts_.software},
                         {"phase", phase()},
                         {"updated_ms", now},
                         {"keys", std::to_string(counts_.keys)},
                         {"bytes", std::to_string(counts_.bytes)},
                         {"deleted", std::to_string(counts_.deleted)},
                         {"in_pieces", std::to_string(counts_.inPieces)},
                         {"changes", std::to_string(counts_.changes)},
                         {"walks", std::to_string(counts_.walks)},
                         {"feed_losses", std::to_string(counts_.feedLosses)},
                         {"lag_ms", std::to_string(lagMs_)},
                         {"walked", std::to_string(walker_->walked())},
                         {"expected", std::to_string(walker_->expected())},
                         {"libraries", std::to_string(functions_.libraries())},
                         {"caught_up", caughtUp_ ? "1" : "0"}};
  if (!former_.contains("started_ms")) {
    former_["started_ms"] = now;
    fields["started_ms"] = now;
  }
  return fields;
}

void Run::record() {
  if (auto error = journal_.write(fieldsNow()); !error.empty() && error != "stopped")
    failure_.set("the journal in the target: " + error);
}

Standing Run::standing() {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - lastStanding_).count();
  if (seconds > 0.5) {
    keysPerSecond_ = static_cast<double>(counts_.keys - lastKeys_) / seconds;
    bytesPerSecond_ = static_cast<double>(counts_.bytes - lastBytes_) / seconds;
    lastKeys_ = counts_.keys;
    lastBytes_ = counts_.bytes;
    lastStanding_ = now;
  }
  Standing s;
  const bool walking = !walker_->idle();
  s.phase = phase();
  s.database = walker_->database();
  s.walked = walker_->walked();
  s.expected = walker_->expected();
  s.keys = counts_.keys;
  s.bytes = counts_.bytes;
  s.deleted = counts_.deleted;
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

// SWAPDB tells nobody.
void Run::lookAtSwaps() {
  const auto stats = look_.ask(0, {"INFO", "commandstats"});
  if (!stats || stats->isError()) return;
  const std::int64_t swaps = subcommand::infoField(InfoText(stats->text).value("cmdstat_swapdb"), "calls");
  if (swaps_ >= 0 && swaps != swaps_) {
    reporter_.say("databases of the source have been swapped: everything is walked again");
    walker_->want({true, {}, true});
  }
  swaps_ = swaps;
}

void Run::lookAtTarget() {
  target_.refreshOnce();
  const SlotSet doubtful = target_.takeDoubtful();
  if (doubtful.none()) return;
  reporter_.say(
      std::to_string(doubtful.count()) +
      " slots of the target have another master, or one that was started anew: they are walked again");
  walker_->want({false, doubtful, true});
}

void Run::lookAtFunctions() {
  if (!facts_.hasFunctions) return;
  functionTrouble_ = functions_.copy();
}

void Run::look() {
  if (auto error = journal_.renew(); !error.empty()) return failure_.set(error);
  Journal::Fields fields;
  if (journal_.read(fields).empty()) {
    if (fields.contains("abort")) return failure_.set("it was aborted");
    attendance_.look(fields);
  }
  lookAtSwaps();
  lookAtTarget();
  lookAtFunctions();
  record();
}

// Nothing is left of walks, and nothing is to be walked.
bool Run::quiet() {
  if (!walker_->idle() || !feed_->isUp() || !functionTrouble_.empty()) return false;
  for (const KeyQueue& queue : queues_) {
    if (!queue.walked()) return false;
  }
  return walker_->idle();
}

// All that had changed when the barrier was asked for has been copied: how long that has taken is the lag.
void Run::tryToCatchUp() {
  if (!quiet()) {
    barrier_ = 0;
    caughtUp_ = false;
    return;
  }
  const auto now = Clock::now();
  if (barrier_ == 0) {
    barrier_ = feed_->requestBarrier();
    barrierSince_ = now;
    barrierReached_.reset();
    return;
  }
  if (!feed_->reached(barrier_)) return;
  if (!barrierReached_) barrierReached_ = now;
  for (const KeyQueue& queue : queues_) {
    const auto oldest = queue.oldestChange();
    if (oldest && *oldest <= *barrierReached_) return;
  }
  const auto lag = std::chrono::duration_cast<std::chrono::milliseconds>(now - barrierSince_);
  lagMs_ = lag.count();
  caughtUp_ = lag <= settings_.lag;
  caughtUpWith_ = barrierSince_;
  barrier_ = 0;
}

// For a cut-over: while nobody writes to the source, that is all there is. Who writes all the same (--force)
// is not waited for.
bool Run::drained(Clock::time_point since) {
  if (caughtUpWith_ < since) return false;
  lookAtSwaps();
  lookAtFunctions();
  return quiet();
}

bool Run::atRest() {
  for (const KeyQueue& queue : queues_) {
    if (queue.isAtWork()) return false;
  }
  return replicated();
}

void Run::attend() {
  Journal::Fields fields;
  if (journal_.read(fields).empty()) attendance_.look(fields);
}

// What masters have confirmed may still be lost with them: until a replica of each has it, as far as there
// are any. False: something has happened that wants more copying.
bool Run::replicated() {
  const auto view = target_.view();
  for (std::size_t i = 0; i < view->masters.size(); ++i) {
    const auto owns = std::find(view->owner.begin(), view->owner.end(), static_cast<std::int16_t>(i));
    if (owns == view->owner.end()) continue;
    const auto slot = static_cast<protocol::Slot>(owns - view->owner.begin());
    if (isReplicated(view->masters[i], slot, settings_.toOptions, kReplicaPatience)) continue;
    reporter_.say("waiting for a replica of " + view->masters[i].url.shown() + " to have all of it");
    return false;
  }
  return true;
}

bool Run::settle() {
  if (!target_.refreshOnce().empty() || !replicated()) return false;
  look();
  return !stopped() && walker_->idle() && functionTrouble_.empty();
}

void Run::follow() {
  auto lastLook = Clock::now() - kLookAtFeed;
  while (!stopped()) {
    const auto now = Clock::now();
    if (now - lastLook >= kLookAtFeed) {
      look();
      lastLook = now;
      reporter_.show(standing(), false);
    }
    tryToCatchUp();
    if (attendance_.often()) attend();
    if (attendance_.isOver()) {
      reporter_.say("the cluster has taken the server's place: there is nothing to copy any more");
      ending_ = true;
      return;
    }
    if (caughtUp_ && settings_.once && settle()) {
      record();
      reporter_.show(standing(), true);
      ending_ = true;
      return;
    }
    if (caughtUp_ && !std::exchange(saidCaughtUp_, true))
      reporter_.say("the copy has caught up, and goes on following");
    std::this_thread::sleep_for(barrier_ != 0 || attendance_.often() ? kTick / 10 : kTick);
  }
}

void Run::work() {
  for (std::size_t i = 0; i < settings_.parallel; ++i) queues_.emplace_back();
  walker_ = std::make_unique<Walker>(shop_, source(), writer("walker"), [this](Key key) {
    KeyQueue& queue = queueOf(key.name);
    queue.addFound(std::move(key));
  });
  ChangeFeed::Listener listener;
  listener.changed = [this](std::string name) { changed(std::move(name)); };
  listener.flushed = [this] {
    reporter_.say("the source, or a database of it, was flushed: the target's keys are walked");
    walker_->want({false, {}, true});
  };
  listener.lost = [this](const std::string& why) {
    ++counts_.feedLosses;
    reporter_.say("the feed of changes was lost (" + why + "): what may have been missed is walked again");
    walker_->want({true, {}, true});
  };
  listener.stopped = [this] { return stopped(); };
  listener.failed = [this](const std::string& why) { failure_.set(why); };
  feed_ = std::make_unique<ChangeFeed>(settings_.from, settings_.fromOptions, std::move(listener));

  std::list<Copier> copiers;  // outlive their threads
  std::list<Thread> threads;
  threads.emplace_back([this] { feed_->run(); });
  threads.emplace_back([this] { pulse(); });
  while (!feed_->isUp() && !stopped()) std::this_thread::sleep_for(kTick / 10);
  // Only now: what changes from here on is told.
  walker_->want({true, {}, former_.contains("identity") || settings_.overwrite});
  for (std::size_t i = 0; i < settings_.parallel; ++i) {
    Copier& copier = copiers.emplace_back(shop_, queues_[i], source(), writer("copier-" + std::to_string(i)));
    threads.emplace_back([&copier] { copier.run(); });
  }
  threads.emplace_back([this] { walker_->run(); });
  record();
  follow();
  for (KeyQueue& queue : queues_) queue.close();
}

int Run::run() {
  catchStopSignals();
  if (prepare()) work();
  const bool finished = ending_ && !failure_.happened();
  // From here on the journal must be written, though all else has been stopped.
  Journal last(
      TargetWriter(target_, std::string(kName) + ":end.",
                   [deadline = Clock::now() + std::chrono::seconds(5)] { return Clock::now() > deadline; }));
  if (walker_ && !failure_.happened()) last.write(fieldsNow());
  journal_.releaseBy(last);
  if (failure_.happened()) {
    reporter_.fail(failure_.reason());
    return subcommand::kTrouble;
  }
  if (!finished) reporter_.say("ended; start it again to go on");
  return subcommand::kGood;
}

}  // namespace

int run(const Settings& settings, Reporter& reporter) {
  return Run(settings, reporter).run();
}

}  // namespace slotless::migrate
