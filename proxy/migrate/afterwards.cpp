#include "proxy/migrate/afterwards.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "proxy/migrate/journal.h"
#include "proxy/migrate/known_databases.h"
#include "proxy/migrate/places.h"
#include "proxy/migrate/source.h"
#include "proxy/subcommand/json_line.h"

namespace slotless::migrate {

using subcommand::JsonLine;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kPatience{30};

// The cluster, the journal, and what is in it.
class Desk {
 public:
  explicit Desk(const Settings& settings)
      : target_(settings.to, settings.toOptions, settings.config.addressMap),
        journal_(NodeWriter(target_, "slotless-journal.",
                            [deadline = Clock::now() + kPatience] { return Clock::now() > deadline; })) {
    error_ = target_.refresh();
    if (error_.empty()) error_ = journal_.read(fields_);
    if (error_.empty()) owner_ = journal_.owner();
  }

  const std::string& error() const noexcept { return error_; }
  const std::string& owner() const noexcept { return owner_; }
  bool any() const noexcept { return !fields_.empty(); }
  const Journal::Fields& fields() const noexcept { return fields_; }
  std::string field(const std::string& name) const { return Journal::fieldOf(fields_, name); }
  // Whoever is at work sees it within a second or two. False: nobody has ended.
  bool endOwner(const std::string& field) {
    if (owner_.empty() || isDead(owner_)) return true;
    journal_.write({{field, "1"}});
    const auto deadline = Clock::now() + kPatience;
    while (Clock::now() < deadline) {
      owner_ = journal_.owner();
      if (owner_.empty() || isDead(owner_)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }
  std::string erase() { return journal_.erase(); }

 private:
  Nodes target_;
  Journal journal_;
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
           const std::string& done) {
  if (!desk.endOwner(field) && !settings.force)
    return trouble(reporter, "the run of " + desk.owner() + " does not end; --force forgets it all the same");
  if (auto error = desk.erase(); !error.empty()) return trouble(reporter, error);
  reporter.say(done);
  return subcommand::kGood;
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
                 (desk.field("direction").empty() ? "to the cluster" : desk.field("direction")));
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
  return forget(
      desk, settings, reporter, "abort",
      "the migration is forgotten; what it has copied is still in the cluster, and the source is as it "
      "was");
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
  if (const int code = forget(desk, settings, reporter, "finish", "the migration is finished");
      code != subcommand::kGood)
    return code;
  Source source(settings.from, settings.fromOptions,
                [deadline = Clock::now() + std::chrono::seconds(5)] { return Clock::now() > deadline; });
  const auto keyspace = source.ask(0, {"INFO", "keyspace"});
  if (!keyspace) return subcommand::kGood;
  reporter.print("What can be deleted on " + settings.from.shown() + " once nothing uses it any more:");
  for (const auto& [database, size] : databasesIn(keyspace->text))
    reporter.print("  database " + std::to_string(database) + ": " + std::to_string(size) +
                   " keys (redis-cli -n " + std::to_string(database) + " FLUSHDB ASYNC)");
  reporter.print("  its function libraries (FUNCTION FLUSH), and then the server itself");
  return subcommand::kGood;
}

}  // namespace slotless::migrate
