#include "proxy/migrate/cut_over.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "config/side_words.h"
#include "proxy/migrate/decision.h"
#include "proxy/migrate/journal.h"
#include "proxy/migrate/proxies.h"
#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

using subcommand::NodeClient;
using subcommand::Reply;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kJournalPatience{30};
constexpr std::chrono::seconds kAttendancePatience{10};
constexpr std::chrono::milliseconds kLook{10};
constexpr std::chrono::milliseconds kConsolePatience{2000};
// A proxy that has only just started announces itself after three seconds at the latest.
constexpr std::chrono::milliseconds kPeerPatience{6000};
constexpr std::chrono::milliseconds kLookAgain{500};
// Of MIGRATE alone: no client sends it.
constexpr std::string_view kOfNodesThatReshard = "restore-asking";

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

// What is said of either side.
struct SideTexts {
  std::string_view side;
  std::string_view inForce;
  std::string_view stays;
  std::string_view nothingCopied;  // to leave it
};
constexpr SideTexts kServerTexts{config::kServerSide, "the server is in force again",
                                 "the server is in force as before",
                                 "nothing has been copied: slotless migrate run"};
constexpr SideTexts kClusterTexts{config::kClusterSide, "the cluster is in force",
                                  "the cluster is in force as before",
                                  "there is no way back: no migration into this cluster is under way"};

class CutOver {
 public:
  CutOver(const Settings& settings, Reporter& reporter, const SideTexts& here, const SideTexts& there)
      : settings_(settings),
        reporter_(reporter),
        here_(here),
        there_(there),
        target_(settings.to, settings.toOptions, settings.config.addressMap),
        journal_(
            NodeWriter(target_, "slotless-cut-over.",
                       [deadline = Clock::now() + kJournalPatience] { return Clock::now() > deadline; })),
        decision_(settings.config),
        consoles_(settings.proxies),
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
  std::string find();
  std::string findConsole(const Decision::Process& process);
  std::string forgotten();
  std::set<std::string> placesOfOthers(std::string& complaints);
  std::string others();
  std::string bypass();
  std::map<std::string, std::string> strangersAt(NodeClient& node, std::string& error);
  std::string bypassAt(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options);
  std::string newcomers();
  std::string move();
  std::string pending() const { return config::pendingSide(id_, there_.side); }
  std::string side(const std::string& from, const std::string& to);
  int giveUp(const std::string& why);

  const Settings& settings_;
  Reporter& reporter_;
  const SideTexts& here_;
  const SideTexts& there_;
  Nodes target_;
  Journal journal_;
  const Decision decision_;
  std::vector<subcommand::ServerUrl> consoles_;
  std::vector<Decision::Process> processes_;  // that have announced themselves
  std::optional<Proxies> proxies_;
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

// The first of its consoles that it answers at. Empty: it is among consoles_; or why not.
std::string CutOver::findConsole(const Decision::Process& process) {
  std::string why = "it does not say how its console is reached";
  for (const std::string& text : process.announcement.consoles) {
    auto url = subcommand::parseServerUrl(text);
    if (!url.value) {
      why = "what it says of its console is no address";
      continue;
    }
    url.value->database = 0;
    url.value->username = settings_.proxyUsername;
    url.value->password = settings_.proxyPassword;
    subcommand::ConnectOptions options = settings_.proxyOptions;
    options.connectTimeout = options.replyTimeout = kConsolePatience;
    NodeClient console(*url.value, options);
    const Reply reply = console.command({"PROXY", "CUT-OVER", "STATUS"});
    if (!reply.failed() && subcommand::InfoText(reply.text).value("process") == process.name) {
      consoles_.push_back(*std::move(url.value));
      return {};
    }
    why = "at " + url.value->shown() + " another process answers";
    if (reply.isError()) why = url.value->shown() + ": " + reply.text;
    if (reply.isLost()) why = reply.text;
  }
  return why;
}

// Who has not been named has announced itself. Empty: consoles_ has all that are to go over.
std::string CutOver::find() {
  const bool named = !settings_.proxies.empty();
  if (named && settings_.force) return {};
  std::string error;
  processes_ = decision_.processes(error);
  if (!error.empty()) return "which proxies there are cannot be told: " + error;
  if (named) return {};
  if (processes_.empty())
    return "which proxies? None has announced itself in the cluster within the last minute: --proxy HOST:PORT "
           "for each of them";
  std::string lost;
  for (const Decision::Process& each : processes_) {
    if (const std::string why = findConsole(each); !why.empty())
      lost += "\n  " + each.announcement.where + ", seen " + std::to_string(each.silent.count()) +
              " s ago: " + why;
  }
  if (lost.empty()) return {};
  if (!settings_.force || consoles_.empty())
    return "proxies cannot be asked (one that is gone is forgotten after a minute); name all, with --proxy "
           "HOST:PORT for each:" +
           lost;
  reporter_.say("these proxies cannot be asked, and are left behind:" + lost);
  return {};
}

// Processes that serve this, too: proxies that have not been named, or one that ends after an upgrade.
std::string CutOver::forgotten() {
  std::string found;
  for (const Decision::Process& each : processes_) {
    if (proxies_->has(each.name)) continue;
    found += "\n  " + each.announcement.where + ", seen " + std::to_string(each.silent.count()) + " s ago";
  }
  if (found.empty()) return {};
  return "proxies that are not named serve it, too (one that is gone is forgotten after a minute):" + found;
}

// Where proxies run that are heard on this side, and have not announced themselves, also not since they were
// looked for: one that has only just started is no stranger.
std::set<std::string> CutOver::placesOfOthers(std::string& complaints) {
  std::set<std::string> places = proxies_->heard(complaints);
  std::string error;
  if (auto now = decision_.processes(error); error.empty()) processes_ = std::move(now);
  for (const Decision::Process& each : processes_) places.erase(each.announcement.where);
  return places;
}

// Proxies that know only the side that is left: they stay there, and their clients with them. One that has
// ended is heard of for some seconds.
std::string CutOver::others() {
  std::string complaints;
  std::set<std::string> places = placesOfOthers(complaints);
  if (!complaints.empty())
    reporter_.say("whether proxies that cannot go over serve it, too, is not known everywhere:\n" +
                  complaints);
  for (const auto deadline = Clock::now() + kPeerPatience; !places.empty() && Clock::now() < deadline;) {
    std::this_thread::sleep_for(kLookAgain);
    places = placesOfOthers(complaints);
  }
  if (places.empty()) return {};
  std::string text = "proxies that cannot go over serve it, too (their upstream is not migrating):";
  for (const std::string& each : places) text += "\n  " + each;
  return text;
}

// Clients of a node that are neither proxies nor part of this, by their ids.
std::map<std::string, std::string> CutOver::strangersAt(NodeClient& node, std::string& error) {
  const Reply clients = node.command({"CLIENT", "LIST"});
  if (clients.failed()) error = "who else uses " + node.url().shown() + " cannot be told: " + clients.text;
  std::map<std::string, std::string> found;
  for (std::size_t at = 0; at < clients.text.size();) {
    const std::size_t end = std::min(clients.text.find('\n', at), clients.text.size());
    const std::string line = clients.text.substr(at, end - at);
    at = end + 1;
    const std::string name = fieldIn(line, "name");
    const std::string flags = fieldIn(line, "flags");
    const bool ours = name.starts_with("slotless-") || name == settings_.config.linkClientName;
    const bool replicates = flags.find('S') != std::string::npos || flags.find('M') != std::string::npos;
    // A node that gives slots away keeps its connection for some seconds.
    const bool reshards = fieldIn(line, "cmd") == kOfNodesThatReshard;
    if (line.empty() || ours || replicates || reshards) continue;
    found[line.substr(0, line.find(' '))] =
        "\n  " + fieldIn(line, "addr") + (name.empty() ? "" : " " + name) + " (" + fieldIn(line, "cmd") + ")";
  }
  return found;
}

// Looks twice: who has only just connected may be about to say its name.
std::string CutOver::bypassAt(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options) {
  NodeClient node(url, options);
  std::string error;
  auto found = strangersAt(node, error);
  if (!found.empty()) {
    std::this_thread::sleep_for(kLookAgain);
    const auto still = strangersAt(node, error);
    std::erase_if(found, [&](const auto& each) { return !still.contains(each.first); });
  }
  if (!error.empty() || found.empty()) return error;
  std::string text = "clients use " + url.shown() + " without a proxy:";
  for (const auto& [id, line] : found) text += line;
  return text;
}

// Of the side that is left.
std::string CutOver::bypass() {
  if (settings_.config.linkClientName.empty())
    return "who else uses it cannot be told, since link-client-name is empty";
  if (here_.side == config::kServerSide) return bypassAt(settings_.from, settings_.fromOptions);
  std::string found;
  for (const auto& master : target_.view()->masters) {
    const std::string some = bypassAt(master.url, settings_.toOptions);
    if (!some.empty()) found += (found.empty() ? "" : "\n") + some;
  }
  return found;
}

std::string CutOver::objection() {
  if (std::string error = target_.refresh(); !error.empty()) return "the target: " + error;
  Journal::Fields fields;
  if (std::string error = journal_.read(fields); !error.empty()) return "the target: " + error;
  if (!fields.contains("identity")) return std::string(here_.nothingCopied);
  if (fields["identity"] != settings_.identity())
    return "another migration is under way: " + fields["identity"];
  if (!isAlive(journal_.owner())) return "nobody copies: start slotless migrate run, and let it follow";
  std::string error;
  const auto inForce = decision_.look(error);
  if (!inForce) return "the target: " + error;
  Journal::correct(fields, *inForce);
  if (fields["caught_up"] != "1")
    return "the copy has not caught up (" + fields["phase"] + ")" +
           (fields["trouble"].empty() ? "" : ": " + fields["trouble"]);
  if (std::string text = find(); !text.empty()) return text;
  proxies_.emplace(consoles_, settings_.proxyOptions);
  if (std::string text = proxies_->objections(std::string(there_.side)); !text.empty()) return text;
  if (settings_.force) return {};
  if (std::string text = forgotten(); !text.empty()) return text;
  std::string found = others();
  // As of now.
  if (std::string text = forgotten(); !text.empty()) return text;
  if (const std::string some = bypass(); !some.empty()) found += (found.empty() ? "" : "\n") + some;
  return found.empty() ? found : found + "\n--force does it all the same";
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

// Proxies that have started since find() looked for them. A proxy that starts from now on hears that the
// cut-over is under way when it asks for the side in force.
std::string CutOver::newcomers() {
  if (settings_.force) return {};
  std::string error;
  processes_ = decision_.processes(error);
  return error.empty() ? forgotten() : "which proxies there are cannot be told: " + error;
}

std::string CutOver::move() {
  // One that was killed halfway may have left its own.
  std::string error;
  if (!decision_.settle(error)) return error;
  if (error = side(std::string(here_.side), pending()); !error.empty()) return error;
  if (error = newcomers(); !error.empty()) return error;
  began_ = Clock::now();
  const auto deadline = began_ + settings_.maxPause;
  // A proxy that hears nothing more settles by itself when this gives up.
  if (error = proxies_->prepare(id_, std::string(there_.side), settings_.maxPause, settings_.maxPause);
      !error.empty())
    return error;
  if (error = journal_.write({{"drain", id_}}); !error.empty()) return error;
  if (!awaitField("drained", deadline))
    return "the last changes were not copied within " + std::to_string(settings_.maxPause.count()) + " ms";
  return side(pending(), std::string(there_.side));
}

int CutOver::giveUp(const std::string& why) {
  reporter_.fail(why);
  const bool clear = side(pending(), std::string(here_.side)).empty();
  journal_.write({{"cut_over", ""}});
  proxies_->settle(id_,
                   std::string(there_.side));  // those that hold go on; what the others say is of no interest
  reporter_.fail("it was given up" + (clear ? "; " + std::string(here_.stays) : std::string()));
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
  const std::string unsettled = proxies_->settle(id_, std::string(there_.side));
  const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_);
  if (!decision_.isSafe(std::chrono::milliseconds(1000)))
    reporter_.say(
        "no replica of the cluster has the decision yet: let no master of the cluster fail for a moment");
  if (!unsettled.empty())
    reporter_.say("not all proxies have answered, and go over by themselves:\n" + unsettled);
  reporter_.print(std::string(there_.inForce) + "; clients have waited for " + std::to_string(pause.count()) +
                  " ms");
  return subcommand::kGood;
}

}  // namespace

int cutOver(const Settings& settings, Reporter& reporter) {
  return CutOver(settings, reporter, kServerTexts, kClusterTexts).run();
}

int rollBack(const Settings& settings, Reporter& reporter) {
  return CutOver(settings, reporter, kClusterTexts, kServerTexts).run();
}

}  // namespace slotless::migrate
