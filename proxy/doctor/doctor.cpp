#include "proxy/doctor/doctor.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>
#include <utility>

#include "proxy/doctor/checks.h"
#include "proxy/doctor/daemon_config.h"
#include "proxy/doctor/report.h"
#include "proxy/doctor/sides.h"
#include "proxy/subcommand/options.h"

namespace slotless::doctor {

namespace {

// Behind 0 to 2, which tell the worst finding.
constexpr int kTrouble = 3;

using subcommand::Takes;
constexpr subcommand::OptionSpec kOptions[] = {
    {"json", "", "One JSON document a line, for programs.", Takes::Nothing},
    {"watch", "SECONDS", "Look again that often, and tell when something has changed.", Takes::Value},
    {"skip", "CHECK", "Leave out a check; may be repeated, or a list with commas.", Takes::Values},
    {"sample-keys", "COUNT", "Keys of each master that are looked at (1000); 0: none.", Takes::Value},
    {"proc", "FOLDER", "Where /proc of the machine is that the proxy runs on (/proc).", Takes::Value},
    {"list", "", "All checks, and why what they find matters.", Takes::Nothing},
    {"help", "", "This.", Takes::Nothing},
};

int fail(const std::string& problem) {
  std::fprintf(stderr, "slotless doctor: %s\n", problem.c_str());
  return kTrouble;
}

void printHelp() {
  std::fputs(
      "slotless doctor [OPTION …] [NODE …]: says what is wrong with a cluster. It changes nothing.\n"
      "\nNodes are HOST:PORT or URLs, as for cluster-nodes. All options of the daemon count, and its environment\n"
      "and --config FILE, so that what is asked is what the daemon would ask.\n\n",
      stdout);
  std::fputs(subcommand::helpText(kOptions).c_str(), stdout);
  std::fputs("\nExit code: 0 nothing, or notes; 1 warnings; 2 something critical; 3 it could not look.\n",
             stdout);
}

void printChecks() {
  for (const Check* check : allChecks()) {
    std::printf("%-16.*s %-9s %.*s\n", static_cast<int>(check->name.size()), check->name.data(),
                std::string(severityName(check->severity)).c_str(), static_cast<int>(check->why.size()),
                check->why.data());
  }
}

// nullopt: the error is in `problem`.
std::optional<std::uint64_t> number(const std::string& text, std::uint64_t least, std::uint64_t most,
                                    std::string& problem, std::string_view name) {
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9' || value > most) {
      value = most + 1;
      break;
    }
    value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (!text.empty() && value >= least && value <= most) return value;
  problem = "--" + std::string(name) + " takes a number from " + std::to_string(least) + " to " +
            std::to_string(most);
  return std::nullopt;
}

std::vector<std::string> splitAtCommas(const std::vector<std::string>& texts) {
  std::vector<std::string> words;
  for (const std::string& text : texts) {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      if (end > begin) words.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return words;
}

std::string timeText() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// What does not change from one look to the next although nothing has changed: numbers do.
std::string signature(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings)
    text.append(severityName(finding.severity)).append(finding.check).append(finding.subject).append("\n");
  return text;
}

struct Job {
  config::Config config;
  GatherOptions options;
  std::vector<std::string> skipped;
  bool json = false;
  std::optional<std::chrono::seconds> watch;
};

int look(const Job& job) {
  std::string before = "never";
  for (;;) {
    std::vector<Facts> sides = gatherSides(job.config, job.options);
    const std::vector<Finding> findings = examine(sides, job.skipped);
    Facts facts = std::move(sides.front());
    for (std::size_t i = 1; i < sides.size(); ++i)
      facts.nodes.insert(facts.nodes.end(), sides[i].nodes.begin(), sides[i].nodes.end());
    if (job.json) {
      std::fputs(jsonReport(facts, findings).c_str(), stdout);
    } else if (signature(findings) != before) {
      if (job.watch) std::printf("== %s\n", timeText().c_str());
      std::fputs(textReport(facts, findings).c_str(), stdout);
      before = signature(findings);
    }
    if (std::fflush(stdout) != 0) return kTrouble;
    if (!job.watch) return exitCode(findings);
    std::this_thread::sleep_for(*job.watch);
  }
}

}  // namespace

int run(const subcommand::Arguments& arguments) {
  std::vector<OwnOption> own;
  for (const auto& option : kOptions) own.push_back({option.name, option.takes != Takes::Nothing});
  const SplitArguments split = splitArguments(own, arguments);
  const auto options = subcommand::Options::read(kOptions, split.own);
  if (!options.error().empty()) return fail(options.error());
  if (options.has("help")) return printHelp(), 0;
  if (options.has("list")) return printChecks(), 0;
  Job job;
  job.json = options.has("json");
  job.skipped = splitAtCommas(options.values("skip"));
  for (const std::string& name : job.skipped) {
    const auto all = allChecks();
    const bool known =
        std::any_of(all.begin(), all.end(), [&](const Check* check) { return check->name == name; });
    if (!known) return fail("there is no check " + name + "; --list names them");
  }
  std::string problem;
  if (const auto watch = options.value("watch")) {
    const auto seconds = number(*watch, 1, 86'400, problem, "watch");
    if (!seconds) return fail(problem);
    job.watch = std::chrono::seconds(*seconds);
  }
  if (const auto keys = options.value("sample-keys")) {
    const auto count = number(*keys, 0, 1'000'000, problem, "sample-keys");
    if (!count) return fail(problem);
    job.options.sampleKeys = *count;
  }
  job.options.procFolder = options.value("proc").value_or("/proc");
  auto config = daemonConfig(split.daemon);
  if (!config) return kTrouble;
  if (!config->passwordCommand.empty())
    return fail(
        "password-command is not run here; name a node instead of the file: slotless doctor redis://USER:PASSWORD@HOST:PORT");
  job.options.connectTimeout = config->connectTimeout;
  job.config = *std::move(config);
  return look(job);
}

}  // namespace slotless::doctor
