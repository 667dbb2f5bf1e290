#include "proxy/advise/advise.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/database_rule.h"
#include "config/quantity.h"
#include "proxy/advise/proposal.h"
#include "proxy/advise/report.h"
#include "proxy/advise/server_look.h"
#include "proxy/subcommand/daemon_options.h"
#include "proxy/subcommand/json_line.h"
#include "proxy/subcommand/options.h"
#include "proxy/subcommand/source_options.h"
#include "proxy/subcommand/stop_signal.h"

namespace slotless::advise {

using subcommand::JsonLine;
using subcommand::Options;
using subcommand::OptionSpec;
using subcommand::Takes;

namespace {

constexpr std::array<OptionSpec, 4> kOwn{{
    {"sample", "COUNT", "Look at the names of so many keys of each database. Default: 10000", Takes::Value},
    {"monitor", "SECONDS", "Watch the commands of the server for so long. 0: not at all. Default: 10",
     Takes::Value},
    {"json", "", "One JSON object a line.", Takes::Nothing},
    {"help", "", "Print this text, and exit.", Takes::Nothing},
}};

constexpr std::string_view kHead =
    R"(Usage: slotless advise --from URL [--to URL,...] [--option VALUE]...

Looks at the names of the keys of a Redis or Valkey, and by MONITOR at what applications ask of it, and proposes a layout for each of its databases: how many groups of keys there would be,
how large the largest one, and which commands over several keys, transactions and scripts would cross from one group to
another. Changes nothing. With --to, the nodes' own databases (native) are among the layouts where the nodes have them.

MONITOR costs the server some of its speed while it runs. What is not done in that time is not seen: let the application
do all that it does, and watch for longer.

Exit code: 0; 2, trouble. Passwords may be in the environment or in files instead of URLs.

)";

constexpr std::uint64_t kMostSample = 1'000'000;
constexpr std::uint64_t kMostSeconds = 86'400;

struct Job {
  subcommand::ServerUrl from;
  subcommand::ConnectOptions fromOptions;
  std::vector<subcommand::ServerUrl> to;
  subcommand::ConnectOptions toOptions;
  config::Config config;
  LookLimits limits;
  bool json = false;
};

void print(const std::string& text) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void tell(bool json, std::string_view event, const std::string& text) {
  if (json)
    print(JsonLine().text("event", event).text("text", text).done());
  else
    std::fprintf(stderr, "slotless advise: %s\n", text.c_str());
}

// The error, or nothing.
std::string readCount(const Options& options, std::string_view name, std::uint64_t most,
                      std::uint64_t& value) {
  const auto text = options.value(name);
  if (!text) return {};
  const auto parsed = config::parseCount(*text);
  if (!parsed.value || *parsed.value > most)
    return "--" + std::string(name) + ": allowed is a number from 0 to " + std::to_string(most);
  value = *parsed.value;
  return {};
}

std::string readJob(const Options& options, Job& job) {
  if (!options.words().empty()) return "allowed: slotless advise --from URL [--option VALUE]...";
  std::uint64_t seconds = 10;
  if (auto error = readCount(options, "monitor", kMostSeconds, seconds); !error.empty()) return error;
  job.limits.monitor = std::chrono::seconds(seconds);
  if (auto error = readCount(options, "sample", kMostSample, job.limits.keys); !error.empty()) return error;
  job.limits.stopped = subcommand::stopSignalled;
  auto daemon = subcommand::readDaemonOptions(options, subcommand::Cluster::Optional);
  if (!daemon.error.empty()) return daemon.error;
  job.config = std::move(daemon.config);
  auto source = subcommand::readSourceOptions(options, job.config);
  if (!source.error.empty()) return source.error;
  job.from = std::move(source.url);
  if (job.from.database != 0) return "--from: all databases are looked at; name none";
  job.fromOptions.clientName = "slotless-advise";
  job.fromOptions.tls = std::move(source.tls);
  job.to = subcommand::clusterUrls(job.config);
  job.toOptions = job.fromOptions;
  job.toOptions.tls = subcommand::TlsFiles::of(job.config);
  return {};
}

// Only what somebody has said: what holds by itself is among the layouts anyway.
std::optional<LayoutChoice> configuredFor(const config::Config& config, std::uint32_t database) {
  for (const config::DatabaseRule& rule : config.databaseLayout) {
    if (database < rule.first || database > rule.last) continue;
    const config::DatabaseRule held = config::ruleFor(config, database);
    if (held.layout == config::DatabaseLayout::Denied) return std::nullopt;
    return LayoutChoice{held.layout, held.patterns};
  }
  return std::nullopt;
}

int advise(const Job& job) {
  std::uint64_t nodesHave = 0;
  if (!job.to.empty()) {
    std::string error;
    nodesHave = databasesOfNodes(job.to, job.toOptions, job.config.addressMap, error);
    if (nodesHave == 0)
      tell(job.json, "note", "whether the nodes have databases cannot be found out: " + error);
  }
  ServerLook look = lookAtServer(job.from, job.fromOptions, job.limits);
  if (!look.error.empty()) {
    tell(job.json, "error", look.error);
    return subcommand::kTrouble;
  }
  for (const std::string& note : look.notes) tell(job.json, "note", note);
  std::set<std::uint32_t> numbers;
  for (const auto& [database, seen] : look.databases) numbers.insert(database);
  for (const auto& [database, usage] : look.usage.databases()) {
    if (usage.seen != decltype(usage.seen){}) numbers.insert(database);
  }
  if (numbers.empty()) tell(job.json, "note", "no database has keys, and none is used");
  for (const std::uint32_t database : numbers) {
    DatabaseSample sample;
    sample.database = database;
    SeenDatabase& seen = look.databases[database];
    sample.size = seen.size;
    sample.keys = std::move(seen.keys);
    const auto& usages = look.usage.databases();
    if (const auto usage = usages.find(database); usage != usages.end()) sample.usage = usage->second;
    sample.nodesHaveIt = database < nodesHave;
    sample.configured = configuredFor(job.config, database);
    const Proposal proposal = proposalFor(sample);
    print(job.json ? jsonOf(sample, proposal) : textOf(sample, proposal));
  }
  return subcommand::kGood;
}

}  // namespace

int run(const subcommand::Arguments& arguments) {
  const std::vector<OptionSpec> specs = subcommand::withCommonOptions(kOwn);
  const Options options = Options::read(specs, arguments);
  if (options.has("help")) {
    std::fputs((std::string(kHead) + subcommand::helpText(specs)).c_str(), stdout);
    return subcommand::kGood;
  }
  Job job;
  job.json = options.has("json");
  const std::string error = options.error().empty() ? readJob(options, job) : options.error();
  if (!error.empty()) {
    tell(job.json, "error", error);
    return subcommand::kTrouble;
  }
  subcommand::catchStopSignals();
  return advise(job);
}

}  // namespace slotless::advise
