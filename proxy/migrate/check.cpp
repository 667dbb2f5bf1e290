#include "proxy/migrate/check.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "config/database_rule.h"
#include "proxy/migrate/command_sample.h"
#include "proxy/migrate/known_databases.h"
#include "proxy/migrate/nodes.h"
#include "proxy/migrate/piece_copier.h"
#include "proxy/migrate/places.h"
#include "proxy/migrate/source.h"
#include "proxy/migrate/source_facts.h"
#include "proxy/subcommand/command_watch.h"
#include "proxy/subcommand/info_text.h"
#include "proxy/subcommand/json_line.h"
#include "proxy/subcommand/stop_signal.h"

namespace slotless::migrate {

using subcommand::catchStopSignals;
using subcommand::infoField;
using subcommand::InfoText;
using subcommand::JsonLine;
using subcommand::NodeClient;
using subcommand::Reply;
using subcommand::stopSignalled;

namespace {

constexpr std::uint64_t kUsualSample = 10'000;
constexpr std::size_t kMostBigKeys = 10;
constexpr std::uint64_t kMostMonitored = 20'000;

struct BigKey {
  Key key;
  std::int64_t bytes = 0;
};

class Check {
 public:
  Check(const Settings& settings, Reporter& reporter)
      : settings_(settings),
        reporter_(reporter),
        places_(settings.config),
        facts_(factsOf(settings.from, settings.fromOptions)),
        target_(settings.to, settings.toOptions, settings.config.addressMap),
        source_(settings.from, settings.fromOptions, stopSignalled),
        commands_(places_) {}

  int run();

 private:
  enum class Level { Good, Note, Problem };

  void tell(Level level, std::string_view subject, const std::string& text);
  void lookAtServers();
  void lookAtMaster(const subcommand::ClusterMaster& master);
  void lookAtFeed();
  void lookAtDatabases();
  void sampleDatabase(std::uint32_t database, std::uint64_t keys);
  void lookAtRoom();
  void lookAtModules();
  void lookAtFunctions();
  void lookAtUsers();
  void lookAtCommands();
  void monitor();

  const Settings& settings_;
  Reporter& reporter_;
  const Places places_;
  const SourceFacts facts_;
  Nodes target_;
  Source source_;
  CommandSample commands_;
  InfoText info_{""};
  std::map<std::string, std::int64_t> room_;  // by master; those without a limit are not in it
  std::map<std::string, std::set<std::string>> modules_;
  std::map<std::string, double> needed_;  // by master: bytes of pinned databases
  double neededAnywhere_ = 0;
  std::uint64_t reservedNames_ = 0;
  std::vector<BigKey> bigKeys_;
  std::size_t problems_ = 0;
};

void Check::tell(Level level, std::string_view subject, const std::string& text) {
  static constexpr std::string_view kNames[] = {"ok", "note", "problem"};
  const std::string_view name = kNames[static_cast<std::size_t>(level)];
  if (level == Level::Problem) ++problems_;
  if (reporter_.json()) {
    reporter_.print(JsonLine()
                        .text("event", "finding")
                        .text("level", name)
                        .text("subject", subject)
                        .text("text", text)
                        .done());
  } else {
    reporter_.print(std::string(name) + std::string(9 - name.size(), ' ') + std::string(subject) + ": " +
                    text);
  }
}

void Check::lookAtMaster(const subcommand::ClusterMaster& master) {
  NodeClient node(master.url, settings_.toOptions);
  const Reply reply = node.command({"INFO"});
  if (reply.failed()) return tell(Level::Problem, "target", reply.text);
  const InfoText info(reply.text);
  const std::string version(info.value("redis_version"));
  const std::string valkey(info.value("valkey_version"));
  const std::int64_t most = info.number("maxmemory");
  const std::int64_t used = info.number("used_memory");
  if (most > 0) room_[master.id] = most - used;
  tell(Level::Good, "target",
       master.url.shown() + " is " + (valkey.empty() ? "Redis " + version : "Valkey " + valkey) + ", " +
           std::to_string(master.slots) + " slots, " + std::to_string(master.replicas) + " replicas, " +
           byteText(static_cast<std::uint64_t>(used)) +
           (most > 0 ? " of " + byteText(static_cast<std::uint64_t>(most)) : " used, no limit"));
  if (std::atoi(version.c_str()) < facts_.major)
    tell(Level::Note, "versions",
         master.url.shown() +
             " is older than the source: where it does not understand DUMP, values are copied by "
             "the commands of their types");
  const std::string_view policy = info.value("maxmemory_policy");
  if (policy != info_.value("maxmemory_policy"))
    tell(Level::Note, "eviction",
         master.url.shown() + " has " + std::string(policy) + ", the source " +
             std::string(info_.value("maxmemory_policy")));
  const Reply clock = node.command({"TIME"});
  const auto ours = source_.ask(0, {"TIME"});
  if (ours && ours->items.size() == 2 && clock.items.size() == 2 &&
      std::abs(ours->items[0].number() - clock.items[0].number()) > 1)
    tell(Level::Note, "clocks",
         master.url.shown() + " is " + std::to_string(clock.items[0].number() - ours->items[0].number()) +
             " s ahead of the source: keys expire by its clock");
  const Reply modules = node.command({"MODULE", "LIST"});
  for (const Reply& module : modules.items) {
    const Reply* const name = module.field("name");
    if (name != nullptr) modules_[name->text].insert(master.id);
  }
}

void Check::lookAtServers() {
  const auto reply = source_.ask(0, {"INFO"});
  if (!reply) return;
  info_ = InfoText(reply->text);
  tell(Level::Good, "source",
       settings_.from.shown() + " is " + facts_.software + (facts_.isReplica ? ", a replica" : "") + ", " +
           byteText(static_cast<std::uint64_t>(info_.number("used_memory"))) + " used");
  if (facts_.isReplica)
    tell(Level::Note, "source", "it is a replica: what its master has not told it yet is missing");
  if (!facts_.tellsSizes)
    tell(Level::Note, "source", "MEMORY USAGE is not allowed: sizes are estimated by lengths");
  const auto view = target_.view();
  if (!view->complete()) tell(Level::Problem, "target", "some slots have no master");
  for (const auto& master : view->masters) lookAtMaster(master);
}

// With a prefix that no key has.
void Check::lookAtFeed() {
  subcommand::ConnectOptions options = settings_.fromOptions;
  options.resp3 = true;
  NodeClient client(settings_.from, options);
  std::string error = client.open();
  if (error.empty()) {
    const Reply reply =
        client.command({"CLIENT", "TRACKING", "on", "BCAST", "PREFIX", "~{slotless-migrate}:none"});
    if (reply.failed()) error = reply.text;
  }
  if (error.empty())
    tell(Level::Good, "feed", "CLIENT TRACKING on BCAST is there");
  else
    tell(Level::Problem, "feed", "CLIENT TRACKING on BCAST: " + error);
}

void Check::sampleDatabase(std::uint32_t database, std::uint64_t keys) {
  const std::uint64_t wanted = settings_.sample == 0 ? kUsualSample : settings_.sample;
  std::string cursor = "0";
  std::uint64_t seen = 0;
  std::int64_t bytes = 0;
  do {
    const auto page = source_.ask(database, {"SCAN", cursor, "COUNT", "500"});
    if (!page || page->items.size() != 2) return;
    cursor = page->items[0].text;
    std::vector<SourceQuestion> questions;
    for (const Reply& name : page->items[1].items) {
      if (!places_.of({database, name.text})) ++reservedNames_;
      if (facts_.tellsSizes)
        questions.push_back({database, {"MEMORY", "USAGE", name.text, "SAMPLES", "3"}, {}});
    }
    if (!source_.ask(questions)) return;
    for (const SourceQuestion& each : questions) {
      bytes += each.reply.number();
      if (each.reply.number() > settings_.bigKeyBytes)
        bigKeys_.push_back({{database, each.words[2]}, each.reply.number()});
    }
    seen += page->items[1].items.size();
  } while (cursor != "0" && seen < wanted && !stopSignalled());
  if (seen == 0) return;
  const double needed = static_cast<double>(bytes) / static_cast<double>(seen) * static_cast<double>(keys);
  const databases::Database& place = places_.databases().at(database);
  const auto* const master = place.pinned() ? target_.view()->ownerOf(place.slot) : nullptr;
  if (master != nullptr)
    needed_[master->id] += needed;
  else
    neededAnywhere_ += needed;
  std::string text = std::to_string(keys) + " keys, about " + byteText(static_cast<std::uint64_t>(needed)) +
                     ", " + config::formatDatabaseRule(config::ruleFor(settings_.config, database));
  if (master != nullptr) text += ": all of it on " + master->url.shown();
  tell(Level::Good, "database " + std::to_string(database), text);
}

void Check::lookAtDatabases() {
  const auto keyspace = source_.ask(0, {"INFO", "keyspace"});
  if (!keyspace) return;
  const InfoText lines(keyspace->text);
  for (const auto& [database, keys] : databasesIn(keyspace->text)) {
    const std::string subject = "database " + std::to_string(database);
    if (auto objection = places_.objectionTo(database); !objection.empty()) {
      tell(Level::Problem, subject, objection);
      continue;
    }
    sampleDatabase(database, keys);
    const std::int64_t expiring = infoField(lines.value("db" + std::to_string(database)), "expires");
    if (expiring > 0) tell(Level::Good, subject, std::to_string(expiring) + " keys have a time to live");
  }
  if (reservedNames_ > 0)
    tell(Level::Problem, "names",
         std::to_string(reservedNames_) +
             " keys have names that the target reserves (as ~1:key or ~1{…}key): they are not copied");
  std::sort(bigKeys_.begin(), bigKeys_.end(),
            [](const BigKey& a, const BigKey& b) { return a.bytes > b.bytes; });
  for (std::size_t i = 0; i < std::min(bigKeys_.size(), kMostBigKeys); ++i)
    tell(Level::Note, "big keys",
         "database " + std::to_string(bigKeys_[i].key.database) + " " +
             subcommand::jsonText(bigKeys_[i].key.name) + ": " +
             byteText(static_cast<std::uint64_t>(bigKeys_[i].bytes)) + ", copied in pieces");
}

void Check::lookAtRoom() {
  const auto view = target_.view();
  double room = 0;
  bool unlimited = false;
  double all = neededAnywhere_;
  for (const auto& [id, bytes] : needed_) all += bytes;
  for (const auto& master : view->masters) {
    const auto found = room_.find(master.id);
    if (found == room_.end()) {
      unlimited = true;
      continue;
    }
    room += static_cast<double>(found->second);
    const double share = neededAnywhere_ * static_cast<double>(master.slots) / protocol::kSlotCount;
    const double here = (needed_.contains(master.id) ? needed_[master.id] : 0) + share;
    if (here > static_cast<double>(found->second))
      tell(Level::Problem, "room",
           master.url.shown() + " would get about " + byteText(static_cast<std::uint64_t>(here)) +
               ", and has room for " +
               byteText(static_cast<std::uint64_t>(std::max<std::int64_t>(found->second, 0))));
  }
  if (unlimited)
    tell(Level::Note, "room",
         "masters without maxmemory: whether " + byteText(static_cast<std::uint64_t>(all)) +
             " fit into their machines is not known here");
  else if (room >= all)
    tell(Level::Good, "room",
         "about " + byteText(static_cast<std::uint64_t>(all)) + " are needed, " +
             byteText(static_cast<std::uint64_t>(room)) + " are free");
}

void Check::lookAtModules() {
  const auto list = source_.ask(0, {"MODULE", "LIST"});
  if (!list || list->isError()) return;
  const std::size_t masters = target_.view()->masters.size();
  for (const Reply& module : list->items) {
    const Reply* const name = module.field("name");
    if (name == nullptr) continue;
    if (modules_[name->text].size() == masters)
      tell(Level::Good, "modules", name->text + " is on all masters");
    else
      tell(Level::Problem, "modules", name->text + " is not on all masters: its keys cannot be copied");
  }
}

void Check::lookAtFunctions() {
  if (!facts_.hasFunctions) return;
  const auto list = source_.ask(0, {"FUNCTION", "LIST"});
  if (!list || list->items.empty()) return;
  tell(Level::Good, "functions", std::to_string(list->items.size()) + " libraries go along");
}

void Check::lookAtUsers() {
  const auto list = source_.ask(0, {"ACL", "USERS"});
  if (!list || list->isError())
    return tell(Level::Note, "users", "whether there are any is not allowed to be asked");
  std::string names;
  for (const Reply& user : list->items) {
    if (user.text != "default") names += (names.empty() ? "" : ", ") + user.text;
  }
  if (!names.empty())
    tell(Level::Note, "users",
         "they are not copied: " + names + " (see `users` and `acl-file` of the daemon)");
}

void Check::monitor() {
  const std::string error = subcommand::watchCommands(
      settings_.from, settings_.fromOptions, {settings_.monitor, kMostMonitored, stopSignalled},
      [&](const SeenCommand& seen, const std::string& clientName) { commands_.add(seen, clientName); });
  if (!error.empty())
    return tell(Level::Note, "commands",
                "MONITOR is not allowed, so only the counts were looked at: " + error);
  tell(Level::Good, "commands", std::to_string(commands_.commands()) + " watched by MONITOR");
}

void Check::lookAtCommands() {
  const auto stats = source_.ask(0, {"INFO", "commandstats"});
  if (stats && !stats->isError()) {
    constexpr std::string_view kBegin = "cmdstat_";
    const InfoText lines(stats->text);
    for (const auto& [name, value] : lines.lines()) {
      if (name.starts_with(kBegin))
        commands_.addCounted(std::string_view(name).substr(kBegin.size()),
                             static_cast<std::uint64_t>(infoField(value, "calls")));
    }
  }
  if (settings_.monitor.count() > 0) monitor();
  for (const auto& [text, objection] : commands_.objections()) {
    const bool counted = objection.example.empty();
    // What somebody has done at some time need not be what applications do.
    const Level level = objection.refused && !counted ? Level::Problem : Level::Note;
    tell(level, "commands",
         text + ": " + std::to_string(objection.count) +
             (counted ? " calls since the source's start" : " times, as by ") + objection.example);
  }
}

int Check::run() {
  catchStopSignals();
  if (!facts_.error.empty()) {
    reporter_.fail(facts_.error);
    return subcommand::kTrouble;
  }
  if (auto error = target_.refresh(); !error.empty()) {
    reporter_.fail("the target: " + error);
    return subcommand::kTrouble;
  }
  lookAtServers();
  lookAtFeed();
  lookAtDatabases();
  lookAtRoom();
  lookAtModules();
  lookAtFunctions();
  lookAtUsers();
  lookAtCommands();
  if (!reporter_.json())
    reporter_.print(problems_ == 0 ? "nothing is in the way"
                                   : std::to_string(problems_) + " problems are in the way");
  return problems_ == 0 ? subcommand::kGood : subcommand::kBad;
}

}  // namespace

int check(const Settings& settings, Reporter& reporter) {
  return Check(settings, reporter).run();
}

}  // namespace slotless::migrate
