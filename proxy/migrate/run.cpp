#include "proxy/migrate/run.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/databases/reserved_keys.h"
#include "proxy/migrate/attendance.h"
#include "proxy/migrate/copied_libraries.h"
#include "proxy/migrate/journal.h"
#include "proxy/migrate/live_copy.h"
#include "proxy/migrate/places.h"
#include "proxy/migrate/replicated.h"
#include "proxy/subcommand/info_text.h"
#include "proxy/subcommand/stop_signal.h"

namespace slotless::migrate {

using config::Upstream;
using subcommand::catchStopSignals;
using subcommand::NodeClient;
using subcommand::Reply;
using subcommand::stopSignalled;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kLookAtFeed{1000};
constexpr std::chrono::milliseconds kReplicaPatience{5000};
constexpr std::string_view kName = "slotless-migrate";

constexpr std::string_view kServerIsOld =
    "the cluster has taken the server's place: what the server has is old, and with --one-way nothing is copied back";
constexpr std::string_view kWayBackHasEnded =
    "the cluster has taken the server's place, and the migration that knew the way back is finished or forgotten: "
    "what the server has is old";

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
        server_(settings.from, settings.fromOptions),
        cluster_(settings.to, settings.toOptions, settings.config.addressMap),
        journal_(NodeWriter(cluster_, std::string(kName) + ":journal.", [this] { return stopped(); })),
        attendance_(journal_, settings.config,
                    {[this] { return openWayBack(); }, [this] { wayBack_.reset(); },
                     [this](Clock::time_point since) { return copy_->drained(since); },
                     [this](bool frozen) { copy_->freeze(frozen); },
                     [this] { return copy_->atRest() && replicated() && rememberCalls(); },
                     [this](const std::string& text) { reporter_.say(text); }}) {}

  int run();

 private:
  bool stopped() const { return ending_ || failure_.happened() || stopSignalled(); }

  bool prepare();
  bool prepareSide();
  bool takePlace();
  bool databasesAreEmpty(bool& empty);
  void endFormerProcess();
  void work();
  std::unique_ptr<LiveCopy> copyFrom(Upstream side, Failure& failure);
  bool openWayBack();
  bool rememberCalls();
  std::string whyNoWayBack() const;
  void changeSides();
  void follow();
  // Each second.
  void look();
  Journal::Fields fieldsNow();
  void record();
  bool replicated();
  void attend();
  bool settle();

  const Settings& settings_;
  Reporter& reporter_;
  const Places places_;
  const ServerNames serverNames_;
  SourceFacts serverFacts_;
  SourceFacts clusterFacts_;
  Nodes server_;
  Nodes cluster_;
  Counts counts_;
  StreamNames streams_;
  Failure failure_;
  Failure wayBackFailure_;
  std::atomic<bool> ending_{false};
  Journal journal_;
  CopiedLibraries libraries_{journal_};
  Attendance attendance_;
  Upstream side_ = Upstream::Single;  // that is in force: what is copied from
  std::unique_ptr<LiveCopy> copy_;
  std::unique_ptr<LiveCopy> wayBack_;  // opened for a cut-over

  Journal::Fields former_;
  bool saidCaughtUp_ = false;
  bool wasFinished_ = false;
};

bool Run::databasesAreEmpty(bool& empty) {
  empty = true;
  const auto view = cluster_.view();
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
  std::vector<std::pair<subcommand::ServerUrl, subcommand::ConnectOptions>> nodes{
      {settings_.from, settings_.fromOptions}};
  const auto view = cluster_.view();
  for (const auto& master : view->masters) nodes.emplace_back(master.url, settings_.toOptions);
  for (auto& [url, options] : nodes) {
    options.clientName = "slotless-migrate-start";
    NodeClient node(url, options);
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
  if (!goesOn && side_ == Upstream::Cluster) {
    failure_.set(std::string(kWayBackHasEnded));
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
  libraries_.recall(former_);
  if (goesOn) {
    // What the last run has said of it holds no more.
    journal_.write({{"caught_up", "0"}});
    reporter_.say(
        "going on with a migration that was begun before: what may have been missed since is walked "
        "again");
  }
  return true;
}

bool Run::prepareSide() {
  std::string error;
  const auto side = attendance_.begin(error);
  if (!side) {
    failure_.set("the target: " + error);
    return false;
  }
  side_ = *side;
  if (side_ == Upstream::Cluster && settings_.oneWay) {
    failure_.set(std::string(kServerIsOld));
    return false;
  }
  return true;
}

bool Run::prepare() {
  serverFacts_ = factsOf(settings_.from, settings_.fromOptions);
  if (!serverFacts_.error.empty()) {
    failure_.set(serverFacts_.error);
    return false;
  }
  std::string error = cluster_.refresh();
  if (error.empty() && !cluster_.view()->complete()) error = "the cluster does not serve all of its slots";
  if (!error.empty()) {
    failure_.set("the target: " + error);
    return false;
  }
  if (!prepareSide()) return false;
  NodeClient server(settings_.from, settings_.fromOptions);
  const Reply keyspace = server.command({"INFO", "keyspace"});
  for (const auto& [database, size] : subcommand::databasesIn(keyspace.text)) {
    if (auto objection = places_.objectionTo(database); !objection.empty()) {
      failure_.set(objection);
      return false;
    }
  }
  return takePlace();
}

// What changes on that side is copied to the other.
std::unique_ptr<LiveCopy> Run::copyFrom(Upstream side, Failure& failure) {
  const bool back = side == Upstream::Cluster;
  const Workshop::Side server{server_, serverNames_};
  const Workshop::Side cluster{cluster_, places_};
  return std::make_unique<LiveCopy>(LiveCopy::Parts{
      settings_, reporter_, back ? cluster : server, back ? server : cluster,
      back ? clusterFacts_ : serverFacts_, std::string(kName) + (back ? ":back-" : ":"),
      back ? "the cluster" : "the source",
      [this](std::uint32_t database) { return places_.objectionTo(database); },
      [this, back](const std::string& name) {
        std::vector<Key> keys;
        if (!back) {
          // What proxies write there for WAIT is nobody's.
          if (!databases::isOwnKey(name)) keys.push_back({kAnyDatabase, name});
          return keys;
        }
        for (const std::uint32_t database : places_.nodeDatabases()) {
          if (auto key = places_.keyOf(name, database)) keys.push_back(*std::move(key));
        }
        return keys;
      },
      counts_, streams_, libraries_, failure, [this, &failure] { return stopped() || failure.happened(); }});
}

bool Run::openWayBack() {
  if (settings_.oneWay) return true;
  if (wayBack_ == nullptr) {
    if (side_ == Upstream::Single) {
      clusterFacts_ = factsOfAll(cluster_.view()->masters, settings_.toOptions);
      if (!clusterFacts_.error.empty()) return false;
    }
    wayBack_ = copyFrom(side_ == Upstream::Single ? Upstream::Cluster : Upstream::Single, wayBackFailure_);
  }
  return wayBack_->isOpen() && rememberCalls();
}

// Of the side that nobody has written to yet but this. Once before clients wait, for the connections' sake.
bool Run::rememberCalls() {
  return wayBack_ == nullptr || wayBack_->rememberCalls();
}

// Once the sides have been changed it is the way there.
std::string Run::whyNoWayBack() const {
  if (wayBack_ == nullptr) return wayBackFailure_.reason();
  return "there would be no way back: " + wayBackFailure_.reason() + " (--one-way does without)";
}

// Nothing is copied any more, and both sides are the same; what has changed since is in the other copy's
// mind.
void Run::changeSides() {
  copy_.reset();
  copy_ = std::move(wayBack_);
  side_ = side_ == Upstream::Single ? Upstream::Cluster : Upstream::Single;
  attendance_.goOn();
  copy_->begin({});
  saidCaughtUp_ = false;
  reporter_.say(
      side_ == Upstream::Cluster
          ? "the cluster has taken the server's place: what is written there is copied back to the server"
          : "the server is in force again: what is written there is copied to the cluster");
  record();
}

Journal::Fields Run::fieldsNow() {
  const std::string now = std::to_string(wallClockMs());
  const Standing standing = copy_->standing();
  Journal::Fields fields{{"identity", settings_.identity()},
                         {"source", settings_.from.shown()},
                         {"software", serverFacts_.software},
                         {"direction", side_ == Upstream::Single ? Journal::kToCluster : Journal::kToServer},
                         {"phase", copy_->phase()},
                         {"updated_ms", now},
                         {"keys", std::to_string(counts_.keys)},
                         {"bytes", std::to_string(counts_.bytes)},
                         {"deleted", std::to_string(counts_.deleted)},
                         {"in_pieces", std::to_string(counts_.inPieces)},
                         {"changes", std::to_string(counts_.changes)},
                         {"walks", std::to_string(counts_.walks)},
                         {"feed_losses", std::to_string(counts_.feedLosses)},
                         {"lag_ms", std::to_string(copy_->lagMs())},
                         {"walked", std::to_string(copy_->walked())},
                         {"expected", std::to_string(copy_->expected())},
                         {"database", std::to_string(standing.database)},
                         {"waiting", std::to_string(standing.waiting)},
                         {"source_latency_us", std::to_string(standing.latencyUs)},
                         {"keys_per_second", std::to_string(std::llround(standing.keysPerSecond))},
                         {"bytes_per_second", std::to_string(std::llround(standing.bytesPerSecond))},
                         {"eta_seconds", std::to_string(standing.etaSeconds)},
                         {"libraries", std::to_string(copy_->libraries())},
                         {"trouble", copy_->trouble()},
                         {"caught_up", copy_->caughtUp() ? "1" : "0"}};
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

// What masters have confirmed may still be lost with them: until a replica of each has it, as far as there
// are any. False: something has happened that wants more copying.
bool Run::replicated() {
  if (side_ == Upstream::Cluster) return true;  // one server
  const auto view = cluster_.view();
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

void Run::attend() {
  Journal::Fields fields;
  if (journal_.read(fields).empty()) attendance_.look(fields);
}

void Run::look() {
  if (auto error = journal_.renew(); !error.empty()) return failure_.set(error);
  Journal::Fields fields;
  if (journal_.read(fields).empty()) {
    if (fields.contains("abort")) return failure_.set("it was aborted");
    if (fields.contains("finish")) {
      reporter_.say("the migration is finished");
      wasFinished_ = true;
      ending_ = true;
      return;
    }
    attendance_.look(fields);
  }
  copy_->look();
  if (wayBack_ != nullptr) wayBack_->look();
  record();
}

bool Run::settle() {
  if (!cluster_.refreshOnce().empty() || !replicated()) return false;
  look();
  return !stopped() && copy_->idle();
}

void Run::follow() {
  auto lastLook = Clock::now() - kLookAtFeed;
  while (!stopped()) {
    const auto now = Clock::now();
    if (now - lastLook >= kLookAtFeed) {
      look();
      lastLook = now;
      reporter_.show(copy_->standing(), false);
    }
    copy_->tryToCatchUp();
    if (attendance_.often()) attend();
    if (wayBackFailure_.happened()) return failure_.set(whyNoWayBack());
    if (attendance_.isOver()) {
      if (wayBack_ != nullptr) {
        changeSides();
        continue;
      }
      reporter_.say("the cluster has taken the server's place: there is nothing to copy any more");
      ending_ = true;
      return;
    }
    if (copy_->caughtUp() && settings_.once && settle()) {
      record();
      reporter_.show(copy_->standing(), true);
      ending_ = true;
      return;
    }
    if (copy_->caughtUp() && !std::exchange(saidCaughtUp_, true))
      reporter_.say("the copy has caught up, and goes on following");
    std::this_thread::sleep_for(copy_->isAsking() || attendance_.often() ? kTick / 10 : kTick);
  }
}

void Run::work() {
  if (side_ == Upstream::Cluster) {
    clusterFacts_ = factsOfAll(cluster_.view()->masters, settings_.toOptions);
    if (!clusterFacts_.error.empty()) return failure_.set(clusterFacts_.error);
  }
  copy_ = copyFrom(side_, failure_);
  // A master may be lost before its feed is open, and its successor has to be found.
  for (auto lastLook = Clock::now(); !copy_->isOpen() && !stopped();) {
    std::this_thread::sleep_for(kTick / 10);
    if (Clock::now() - lastLook < kLookAtFeed) continue;
    if (auto error = journal_.renew(); !error.empty()) return failure_.set(error);
    copy_->look();
    lastLook = Clock::now();
  }
  // Only now: what changes from here on is told.
  copy_->begin({true, {}, former_.contains("identity") || settings_.overwrite});
  record();
  follow();
}

int Run::run() {
  catchStopSignals();
  if (prepare()) work();
  const bool finished = ending_ && !failure_.happened();
  // From here on the journal must be written, though all else has been stopped.
  Journal last(
      NodeWriter(cluster_, std::string(kName) + ":end.",
                 [deadline = Clock::now() + std::chrono::seconds(5)] { return Clock::now() > deadline; }));
  if (copy_ != nullptr && !failure_.happened() && !wasFinished_) last.write(fieldsNow());
  if (copy_ != nullptr && failure_.happened()) last.write({{"caught_up", "0"}});
  ending_ = true;
  wayBack_.reset();
  copy_.reset();
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
