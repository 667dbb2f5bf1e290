#include "proxy/migrate/cut_over.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "config/side_words.h"
#include "proxy/migrate/decision.h"
#include "proxy/migrate/journal.h"
#include "proxy/migrate/proxies.h"

namespace slotless::migrate {

using subcommand::NodeClient;
using subcommand::Reply;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kJournalPatience{30};
constexpr std::chrono::seconds kAttendancePatience{10};
constexpr std::chrono::milliseconds kLook{10};
// A proxy that hears nothing more settles by itself after that much longer than the longest pause.
constexpr std::chrono::seconds kMargin{3};

// Of a line of CLIENT LIST.
std::string fieldIn(const std::string& line, const std::string& name) {
  const std::string begin = " " + name + "=";
  const std::size_t at = line.find(begin);
  if (at == std::string::npos) return {};
  const std::size_t from = at + begin.size();
  return line.substr(from, line.find(' ', from) - from);
}

std::string newId() {
  std::random_device random;
  return std::to_string(random()) + std::to_string(random());
}

class CutOver {
 public:
  CutOver(const Settings& settings, Reporter& reporter)
      : settings_(settings),
        reporter_(reporter),
        target_(settings.to, settings.toOptions, settings.config.addressMap),
        journal_(
            TargetWriter(target_, "slotless-cut-over.",
                         [deadline = Clock::now() + kJournalPatience] { return Clock::now() > deadline; })),
        decision_(settings.config),
        proxies_(settings.proxies, settings.proxyOptions),
        id_(newId()) {}

  int run();

 private:
  int refuse(const std::string& text) {
    reporter_.fail(text);
    return subcommand::kBad;
  }
  std::string field(const std::string& name) {
    Journal::Fields fields;
    return journal_.read(fields).empty() ? Journal::fieldOf(fields, name) : std::string();
  }
  bool awaitField(const std::string& name, Clock::time_point deadline);
  std::string objection();
  std::string forgotten();
  std::string bypass();
  std::string move();
  std::string side(const std::string& from, const std::string& to);
  int giveUp(const std::string& why);

  const Settings& settings_;
  Reporter& reporter_;
  Target target_;
  Journal journal_;
  const Decision decision_;
  Proxies proxies_;
  const std::string id_;
  Clock::time_point began_;
};

bool CutOver::awaitField(const std::string& name, Clock::time_point deadline) {
  while (field(name) != id_) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

// Processes that serve the server, too: proxies that have not been named, or one that ends after an upgrade.
std::string CutOver::forgotten() {
  std::string error;
  std::string found;
  for (const Decision::Process& each : decision_.processes(error)) {
    if (proxies_.has(each.name)) continue;
    found += "\n  " + each.where + ", seen " + std::to_string(each.silent.count()) + " s ago";
  }
  if (!error.empty()) return "who else serves the server cannot be told: " + error;
  if (found.empty()) return {};
  return "proxies that are not named serve the server (one that is gone is forgotten after a minute):" +
         found;
}

// Of the source, who is neither a proxy nor part of this.
std::string CutOver::bypass() {
  if (settings_.config.linkClientName.empty())
    return "who else uses the server cannot be told, since link-client-name is empty";
  NodeClient source(settings_.from, settings_.fromOptions);
  const Reply clients = source.command({"CLIENT", "LIST"});
  if (clients.failed()) return "who else uses the server cannot be told: " + clients.text;
  std::string found;
  for (std::size_t at = 0; at < clients.text.size();) {
    const std::size_t end = std::min(clients.text.find('\n', at), clients.text.size());
    const std::string line = clients.text.substr(at, end - at);
    at = end + 1;
    const std::string name = fieldIn(line, "name");
    const std::string flags = fieldIn(line, "flags");
    const bool ours = name.starts_with("slotless-") || name == settings_.config.linkClientName;
    const bool replicates = flags.find('S') != std::string::npos || flags.find('M') != std::string::npos;
    if (line.empty() || ours || replicates) continue;
    found +=
        "\n  " + fieldIn(line, "addr") + (name.empty() ? "" : " " + name) + " (" + fieldIn(line, "cmd") + ")";
  }
  return found.empty() ? found : "clients use the server without a proxy:" + found;
}

std::string CutOver::objection() {
  if (settings_.proxies.empty()) return "which proxies? --proxy HOST:PORT for each of them";
  if (std::string error = target_.refresh(); !error.empty()) return "the target: " + error;
  Journal::Fields fields;
  if (std::string error = journal_.read(fields); !error.empty()) return "the target: " + error;
  if (!fields.contains("identity")) return "nothing has been copied: slotless migrate run";
  if (fields["identity"] != settings_.identity())
    return "another migration is under way: " + fields["identity"];
  const std::string owner = journal_.owner();
  if (owner.empty() || isDead(owner)) return "nobody copies: start slotless migrate run, and let it follow";
  if (fields["caught_up"] != "1") return "the copy has not caught up (" + fields["phase"] + ")";
  if (std::string text = proxies_.objections(); !text.empty()) return text;
  if (settings_.force) return {};
  if (std::string text = forgotten(); !text.empty()) return text;
  const std::string others = bypass();
  return others.empty() ? others : others + "\n--force cuts over all the same";
}

// Empty: it stands.
std::string CutOver::side(const std::string& from, const std::string& to) {
  std::string error;
  // What was sent and not answered may have been done: nothing is known before somebody answers.
  for (;;) {
    const auto found = decision_.change(from, to, error);
    if (found) return *found == to ? std::string() : "it was decided otherwise: " + *found;
    reporter_.say("the cluster does not answer: " + error);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

std::string CutOver::move() {
  const std::string preparing = config::preparingSide(id_);
  // One that was killed halfway may have left its own.
  std::string error;
  if (!decision_.settle(error)) return error;
  if (error = side(std::string(config::kServerSide), preparing); !error.empty()) return error;
  began_ = Clock::now();
  const auto deadline = began_ + settings_.maxPause;
  if (error = proxies_.prepare(id_, settings_.maxPause, settings_.maxPause + kMargin); !error.empty())
    return error;
  if (error = journal_.write({{"drain", id_}}); !error.empty()) return error;
  if (!awaitField("drained", deadline))
    return "the last changes were not copied within " + std::to_string(settings_.maxPause.count()) + " ms";
  return side(preparing, std::string(config::kClusterSide));
}

int CutOver::giveUp(const std::string& why) {
  reporter_.fail(why);
  const bool clear = side(config::preparingSide(id_), std::string(config::kServerSide)).empty();
  journal_.write({{"cut_over", ""}});
  proxies_.settle(id_);  // those that hold go on; what the others say is of no interest
  reporter_.fail(clear ? "the cut-over was given up; the server is in force as before"
                       : "the cut-over was given up");
  return subcommand::kBad;
}

int CutOver::run() {
  if (auto text = objection(); !text.empty()) return refuse(text);
  if (auto error = journal_.write({{"cut_over", id_}, {"drain", ""}, {"drained", ""}}); !error.empty())
    return refuse(error);
  if (!awaitField("attending", Clock::now() + kAttendancePatience)) {
    journal_.write({{"cut_over", ""}});
    return refuse("the run does not attend; does it hang?");
  }
  if (auto error = move(); !error.empty()) return giveUp(error);
  const std::string unsettled = proxies_.settle(id_);
  const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_);
  if (!decision_.isSafe(std::chrono::milliseconds(1000)))
    reporter_.say("no replica has the decision yet: let no master of the cluster fail for a moment");
  if (!unsettled.empty())
    reporter_.say("not all proxies have answered, and go over by themselves:\n" + unsettled);
  reporter_.print("the cluster is in force; clients have waited for " + std::to_string(pause.count()) +
                  " ms");
  return subcommand::kGood;
}

}  // namespace

int cutOver(const Settings& settings, Reporter& reporter) {
  return CutOver(settings, reporter).run();
}

}  // namespace slotless::migrate
