#include "proxy/migrate/afterwards.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "config/side_words.h"
#include "proxy/migrate/copied_libraries.h"
#include "proxy/migrate/decision.h"
#include "proxy/migrate/journal.h"
#include "proxy/migrate/known_databases.h"
#include "proxy/migrate/places.h"
#include "proxy/migrate/source.h"
#include "proxy/subcommand/json_line.h"

namespace slotless::migrate {

using subcommand::JsonLine;
using subcommand::NodeClient;
using subcommand::Reply;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kPatience{30};

constexpr std::string_view kAbortEndsTheWayBack =
    "the cluster is in force, and what is written there is copied back to the server: with the migration the way "
    "back would end, and the server stay as it is now. slotless migrate roll-back goes back to it, slotless migrate "
    "finish stays with the cluster; --force forgets the migration all the same";
constexpr std::string_view kAborted =
    "the migration is forgotten, and what it has copied is still in the cluster; the server is in force";
constexpr std::string_view kAbortedBehindCutOver =
    "the migration is forgotten; the cluster is in force, and there is no way back any more: the server has what "
    "was copied to it so far, and nothing that is written from now on";

enum class InForce { Server, Cluster, Unknown };

// The cluster, the journal, and what is in it.
class Desk {
 public:
  explicit Desk(const Settings& settings)
      : target_(settings.to, settings.toOptions, settings.config.addressMap),
        journal_(NodeWriter(target_, "slotless-journal.",
                            [deadline = Clock::now() + kPatience] { return Clock::now() > deadline; })),
        decision_(settings.config) {
    error_ = target_.refresh();
    if (error_.empty()) error_ = journal_.read(fields_);
    if (error_.empty()) owner_ = journal_.owner();
    if (error_.empty() && isAtWork()) {
      if (const auto side = decision_.look(error_)) Journal::correct(fields_, *side);
    }
  }

  const std::string& error() const noexcept { return error_; }
  const std::string& owner() const noexcept { return owner_; }
  bool any() const noexcept { return !fields_.empty(); }
  bool isAtWork() const { return isAlive(owner_); }
  const Journal::Fields& fields() const noexcept { return fields_; }
  std::string field(const std::string& name) const { return Journal::fieldOf(fields_, name); }
  // Whoever is at work sees it within a second or two. False: nobody has ended.
  bool endOwner(const std::string& field) {
    if (!isAtWork()) return true;
    journal_.write({{field, "1"}});
    const auto deadline = Clock::now() + kPatience;
    while (Clock::now() < deadline) {
      owner_ = journal_.owner();
      if (!isAtWork()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }
  std::string erase() { return journal_.erase(); }
  // Where no proxy serves the migration, its users know what they use. The error is in error().
  InForce inForce() {
    const auto side = decision_.look(error_);
    if (!side) return InForce::Unknown;
    if (config::isClusterInForce(*side)) return InForce::Cluster;
    return decision_.processes(error_).empty() ? InForce::Unknown : InForce::Server;
  }
  std::vector<subcommand::ClusterMaster> masters() const { return target_.view()->masters; }

 private:
  Nodes target_;
  Journal journal_;
  const Decision decision_;
  Journal::Fields fields_;
  std::string owner_;
  std::string error_;
};

int trouble(Reporter& reporter, const std::string& text) {
  reporter.fail(text);
  return subcommand::kTrouble;
}

std::string secondsSince(const std::string& milliseconds) {
  if (milliseconds.empty()) return "?";
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  return std::to_string((now - std::atoll(milliseconds.c_str())) / 1000);
}

// `field`: the run is told so.
int forget(Desk& desk, const Settings& settings, Reporter& reporter, const std::string& field,
           std::string_view done) {
  if (!desk.endOwner(field) && !settings.force)
    return trouble(reporter, "the run of " + desk.owner() + " does not end; --force forgets it all the same");
  if (auto error = desk.erase(); !error.empty()) return trouble(reporter, error);
  reporter.say(std::string(done));
  return subcommand::kGood;
}

void printKeys(Reporter& reporter, const std::string& where, const std::string& keyspace) {
  for (const auto& [database, size] : databasesIn(keyspace))
    reporter.print("  " + where + "database " + std::to_string(database) + ": " + std::to_string(size) +
                   " keys (redis-cli -n " + std::to_string(database) + " FLUSHDB ASYNC)");
}

void proposeOnServer(const Settings& settings, Reporter& reporter) {
  Source source(settings.from, settings.fromOptions,
                [deadline = Clock::now() + std::chrono::seconds(5)] { return Clock::now() > deadline; });
  const auto keyspace = source.ask(0, {"INFO", "keyspace"});
  if (!keyspace) return;
  reporter.print("What can be deleted on " + settings.from.shown() + " once nothing uses it any more:");
  printKeys(reporter, "", keyspace->text);
  reporter.print("  its function libraries (FUNCTION FLUSH), and then the server itself");
}

void proposeOnCluster(const Settings& settings, Reporter& reporter,
                      const std::vector<subcommand::ClusterMaster>& masters, bool hasLibraries) {
  reporter.print("What can be deleted in the cluster, if nothing else is in it:");
  for (const auto& master : masters)
    printKeys(reporter, master.url.shown() + " ",
              NodeClient(master.url, settings.toOptions).command({"INFO", "keyspace"}).text);
  if (hasLibraries) reporter.print("  function libraries that the server has, too (FUNCTION DELETE)");
}

}  // namespace

int status(const Settings& settings, Reporter& reporter) {
  const Desk desk(settings);
  if (!desk.error().empty()) return trouble(reporter, desk.error());
  if (reporter.json()) {
    JsonLine line;
    line.flag("migration", desk.any()).text("at_work", desk.owner());
    for (const auto& [name, value] : desk.fields()) line.text(name, value);
    reporter.print(line.done());
    return desk.any() ? subcommand::kGood : subcommand::kBad;
  }
  if (!desk.any()) {
    reporter.print("no migration into this cluster is under way");
    return subcommand::kBad;
  }
  reporter.print("direction  " +
                 (desk.field("direction").empty() ? Journal::kToCluster : desk.field("direction")));
  reporter.print("from       " + desk.field("source") + " (" + desk.field("software") + ")");
  reporter.print("at work    " +
                 (desk.owner().empty() ? "nobody: slotless migrate run goes on" : desk.owner()));
  reporter.print("phase      " + desk.field("phase") + ", " + secondsSince(desk.field("updated_ms")) +
                 " s ago; begun " + secondsSince(desk.field("started_ms")) + " s ago");
  const std::string left = desk.field("eta_seconds");
  reporter.print("walk       " + desk.field("walked") + " of " + desk.field("expected") + " keys" +
                 (left.empty() || left.starts_with('-') ? "" : ", " + left + " s left") + "; " +
                 desk.field("walks") + " walks done, the feed lost " + desk.field("feed_losses") + " times");
  reporter.print("copied     " + desk.field("keys") + " keys by the last run, " +
                 byteText(static_cast<std::uint64_t>(std::atoll(desk.field("bytes").c_str()))) + ", " +
                 desk.field("in_pieces") + " in pieces; " + desk.field("deleted") + " deleted");
  if (!desk.field("keys_per_second").empty())
    reporter.print("rate       " + desk.field("keys_per_second") + " keys/s, " +
                   byteText(static_cast<std::uint64_t>(std::atoll(desk.field("bytes_per_second").c_str()))) +
                   "/s");
  reporter.print("changes    " + desk.field("changes") + ", " + desk.field("waiting") + " waiting, lag " +
                 desk.field("lag_ms") + " ms");
  reporter.print("functions  " + desk.field("libraries") + " libraries");
  if (const std::string trouble = desk.field("trouble"); !trouble.empty())
    reporter.print("trouble    " + trouble);
  return subcommand::kGood;
}

int abort(const Settings& settings, Reporter& reporter) {
  Desk desk(settings);
  if (!desk.error().empty()) return trouble(reporter, desk.error());
  if (!desk.any() && desk.owner().empty()) {
    reporter.print("no migration into this cluster is under way");
    return subcommand::kBad;
  }
  const bool isCutOver = desk.inForce() == InForce::Cluster;
  if (!desk.error().empty() && !settings.force) return trouble(reporter, desk.error());
  if (isCutOver && !settings.force) {
    reporter.fail(std::string(kAbortEndsTheWayBack));
    return subcommand::kBad;
  }
  return forget(desk, settings, reporter, "abort", isCutOver ? kAbortedBehindCutOver : kAborted);
}

int finish(const Settings& settings, Reporter& reporter) {
  Desk desk(settings);
  if (!desk.error().empty()) return trouble(reporter, desk.error());
  if (!desk.any()) {
    reporter.print("no migration into this cluster is under way");
    return subcommand::kBad;
  }
  if (desk.field("caught_up") != "1" && !settings.force) {
    reporter.fail("the copy had not caught up when it was last seen (" + desk.field("phase") +
                  "): run it, or --force");
    return subcommand::kBad;
  }
  const InForce inForce = desk.inForce();
  if (!desk.error().empty()) return trouble(reporter, desk.error());
  if (const int code = forget(desk, settings, reporter, "finish", "the migration is finished");
      code != subcommand::kGood)
    return code;
  // Never what is in force.
  if (inForce == InForce::Server) {
    reporter.print("The server " + settings.from.shown() + " is in force, and stays.");
    proposeOnCluster(settings, reporter, desk.masters(), !CopiedLibraries::in(desk.fields()).empty());
    return subcommand::kGood;
  }
  reporter.print(inForce == InForce::Cluster
                     ? "The cluster is in force."
                     : "No proxy says which side is in force: if applications still use " +
                           settings.from.shown() + ", nothing of this holds.");
  proposeOnServer(settings, reporter);
  return subcommand::kGood;
}

}  // namespace slotless::migrate
