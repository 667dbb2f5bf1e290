#include "proxy/migrate/verify.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/migrate/comparer.h"
#include "proxy/migrate/copied_libraries.h"
#include "proxy/migrate/journal.h"
#include "proxy/migrate/known_databases.h"
#include "proxy/subcommand/json_line.h"
#include "proxy/subcommand/stop_signal.h"

namespace slotless::migrate {

using subcommand::catchStopSignals;
using subcommand::JsonLine;
using subcommand::NodeClient;
using subcommand::Reply;
using subcommand::stopSignalled;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t kBatch = 200;
constexpr int kLooks = 5;
// The copy looks after consumer groups every ten seconds.
constexpr std::chrono::milliseconds kGroupsSettle{15'000};

class Verify {
 public:
  Verify(const Settings& settings, Reporter& reporter)
      : settings_(settings),
        reporter_(reporter),
        places_(settings.config),
        facts_(factsOf(settings.from, settings.fromOptions)),
        target_(settings.to, settings.toOptions, settings.config.addressMap),
        source_(settings.from, settings.fromOptions, stopSignalled),
        journal_(NodeWriter(target_, "slotless-verify-journal.", stopSignalled)),
        comparer_(places_, facts_, Source(settings.from, settings.fromOptions, stopSignalled),
                  NodeWriter(target_, "slotless-verify.", stopSignalled), settings.ttlTolerance,
                  settings.bigKeyBytes) {}

  int run();

 private:
  // Each false: stopped, or error_ is set.
  bool walkSource();
  bool walkDatabase(std::uint32_t database);
  bool walkTarget();
  bool walkNode(const subcommand::ServerUrl& url, std::uint32_t nodeDatabase);
  bool look(const std::vector<Key>& keys);
  bool lookAgain();
  bool compareFunctions();
  bool lookAtFunctions(std::vector<Comparison>& found);
  static std::map<std::string, std::string> codesIn(const Reply& list);
  void tell(const Comparison& found);
  bool fail(std::string why) {
    error_ = std::move(why);
    return false;
  }

  const Settings& settings_;
  Reporter& reporter_;
  const Places places_;
  const SourceFacts facts_;
  Nodes target_;
  Source source_;
  Journal journal_;
  Comparer comparer_;
  std::vector<Comparison> candidates_;
  std::uint64_t compared_ = 0;
  std::uint64_t changing_ = 0;
  std::uint64_t differences_ = 0;
  std::uint64_t told_ = 0;
  std::string error_;
};

bool Verify::look(const std::vector<Key>& keys) {
  std::vector<Comparison> found;
  if (!comparer_.compare(keys, false, found)) return fail(comparer_.error());
  compared_ += found.size();
  for (Comparison& each : found) {
    if (!each.difference.empty()) candidates_.push_back(std::move(each));
  }
  return true;
}

bool Verify::walkDatabase(std::uint32_t database) {
  std::string cursor = "0";
  std::uint64_t seen = 0;
  std::vector<Key> keys;
  do {
    const auto page = source_.ask(database, {"SCAN", cursor, "COUNT", std::to_string(kBatch)});
    if (!page) return false;
    if (page->items.size() != 2) return fail("SCAN: " + page->text);
    cursor = page->items[0].text;
    keys.clear();
    for (const Reply& name : page->items[1].items) keys.push_back({database, name.text});
    if (!look(keys)) return false;
    seen += keys.size();
    if (stopSignalled()) return false;
  } while (cursor != "0" && (settings_.sample == 0 || seen < settings_.sample));
  return true;
}

bool Verify::walkSource() {
  const auto keyspace = source_.ask(0, {"INFO", "keyspace"});
  if (!keyspace) return false;
  for (const auto& [database, size] : databasesIn(keyspace->text)) {
    if (auto objection = places_.objectionTo(database); !objection.empty()) return fail(objection);
    if (!walkDatabase(database)) return false;
  }
  return true;
}

bool Verify::walkNode(const subcommand::ServerUrl& url, std::uint32_t nodeDatabase) {
  NodeClient node(url, settings_.toOptions);
  std::string cursor = "0";
  std::uint64_t seen = 0;
  do {
    const Reply page = node.command({"SCAN", cursor, "COUNT", "1000"});
    if (page.items.size() != 2) return fail(url.shown() + ": SCAN: " + page.text);
    cursor = page.items[0].text;
    std::vector<Key> keys;
    for (const Reply& name : page.items[1].items) {
      if (auto key = places_.keyOf(name.text, nodeDatabase)) keys.push_back(*std::move(key));
    }
    seen += keys.size();
    std::vector<Key> missing;
    if (!comparer_.onlyOnTarget(keys, missing)) return false;
    for (Key& key : missing) candidates_.push_back({std::move(key), "only on the target", "none"});
    if (stopSignalled()) return false;
  } while (cursor != "0" && (settings_.sample == 0 || seen < settings_.sample));
  return true;
}

bool Verify::walkTarget() {
  const auto view = target_.view();
  for (const auto& master : view->masters) {
    for (const std::uint32_t database : places_.nodeDatabases()) {
      subcommand::ServerUrl url = master.url;
      url.database = database;
      if (!walkNode(url, database)) return false;
    }
  }
  return true;
}

// A difference may be what the copy has not come to yet. It counts if it is there all the time, and the
// source's value has been the same in the last two looks.
bool Verify::lookAgain() {
  const bool anyGroups = std::any_of(candidates_.begin(), candidates_.end(), [](const Comparison& each) {
    return each.difference == Comparer::kGroupsDiffer;
  });
  const auto settle = anyGroups ? std::max(settings_.settle, kGroupsSettle) : settings_.settle;
  const auto interval = settle / kLooks;
  for (int looks = 0; looks < kLooks && !candidates_.empty(); ++looks) {
    std::this_thread::sleep_for(interval);
    if (stopSignalled()) return false;
    std::vector<Comparison> still;
    for (std::size_t begin = 0; begin < candidates_.size(); begin += kBatch) {
      std::vector<Key> keys;
      const std::size_t end = std::min(begin + kBatch, candidates_.size());
      for (std::size_t i = begin; i < end; ++i) keys.push_back(candidates_[i].key);
      std::vector<Comparison> found;
      if (!comparer_.compare(keys, true, found)) return fail(comparer_.error());
      std::map<std::pair<std::uint32_t, std::string>, std::string> before;
      for (std::size_t i = begin; i < end; ++i)
        before[{candidates_[i].key.database, candidates_[i].key.name}] = candidates_[i].mark;
      for (Comparison& each : found) {
        if (each.difference.empty()) continue;
        const bool isLast = looks + 1 == kLooks;
        if (isLast && before[{each.key.database, each.key.name}] != each.mark) {
          ++changing_;
        } else {
          still.push_back(std::move(each));
        }
      }
    }
    candidates_ = std::move(still);
  }
  return true;
}

void Verify::tell(const Comparison& found) {
  ++differences_;
  if (told_ >= settings_.most) return;
  ++told_;
  if (reporter_.json()) {
    reporter_.print(JsonLine()
                        .text("event", "difference")
                        .number("database", found.key.database)
                        .text("key", found.key.name)
                        .text("difference", found.difference)
                        .done());
    return;
  }
  reporter_.print("database " + std::to_string(found.key.database) + " key " +
                  subcommand::jsonText(found.key.name) + ": " + found.difference);
}

// By their names, of one side or one node.
std::map<std::string, std::string> Verify::codesIn(const Reply& list) {
  std::map<std::string, std::string> found;
  for (const Reply& library : list.items) {
    const Reply* const name = library.field("library_name");
    const Reply* const code = library.field("library_code");
    if (name != nullptr && code != nullptr) found[name->text] = code->text;
  }
  return found;
}

// What the target alone has may be its own, which stays: unless the migration has brought it.
bool Verify::lookAtFunctions(std::vector<Comparison>& found) {
  const auto list = source_.ask(0, {"FUNCTION", "LIST", "WITHCODE"});
  if (!list) return false;
  if (list->isError()) return fail("FUNCTION LIST: " + list->text);
  const auto wanted = codesIn(*list);
  Journal::Fields fields;
  if (auto error = journal_.read(fields); !error.empty()) return fail("the target: " + error);
  const auto copied = CopiedLibraries::in(fields);
  const auto view = target_.view();
  for (const auto& master : view->masters) {
    NodeClient node(master.url, settings_.toOptions);
    const Reply theirs = node.command({"FUNCTION", "LIST", "WITHCODE"});
    if (theirs.failed()) return fail(master.url.shown() + ": FUNCTION LIST: " + theirs.text);
    const auto there = codesIn(theirs);
    const auto differs = [&](const std::string& name, const char* how) {
      found.push_back({{0, "function library " + name}, how + master.url.shown(), {}});
    };
    for (const auto& [name, code] : wanted) {
      const auto same = there.find(name);
      if (same == there.end())
        differs(name, "not on ");
      else if (same->second != code)
        differs(name, "another one on ");
    }
    for (const auto& [name, code] : there) {
      if (copied.contains(name) && !wanted.contains(name)) differs(name, "only on ");
    }
  }
  return true;
}

// A run looks after them each second: what differs counts if it still does after a while.
bool Verify::compareFunctions() {
  if (!facts_.hasFunctions) return true;
  std::vector<Comparison> found;
  for (int looks = 0; looks < kLooks; ++looks) {
    found.clear();
    if (!lookAtFunctions(found)) return false;
    if (found.empty()) return true;
    std::this_thread::sleep_for(settings_.settle / kLooks);
    if (stopSignalled()) return false;
  }
  for (const Comparison& each : found) tell(each);
  return true;
}

int Verify::run() {
  catchStopSignals();
  error_ = facts_.error;
  if (error_.empty()) error_ = target_.refresh();
  const bool done = error_.empty() && walkSource() && walkTarget() && lookAgain() && compareFunctions();
  if (!done) {
    reporter_.fail(error_.empty() ? "it was ended before it was through" : error_);
    return subcommand::kTrouble;
  }
  for (const Comparison& each : candidates_) tell(each);
  if (reporter_.json()) {
    reporter_.print(JsonLine()
                        .text("event", "summary")
                        .number("compared", compared_)
                        .number("differences", differences_)
                        .number("changing", changing_)
                        .done());
  } else {
    std::string text =
        std::to_string(compared_) +
        " keys of the source compared, and the target's looked for: " + std::to_string(differences_) +
        " differences";
    if (differences_ > told_) text += ", " + std::to_string(told_) + " of them above";
    if (changing_ > 0) text += "; " + std::to_string(changing_) + " keys change too fast to be compared";
    reporter_.print(text);
  }
  return differences_ == 0 ? subcommand::kGood : subcommand::kBad;
}

}  // namespace

int verify(const Settings& settings, Reporter& reporter) {
  return Verify(settings, reporter).run();
}

}  // namespace slotless::migrate
