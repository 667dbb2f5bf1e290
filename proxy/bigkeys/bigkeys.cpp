#include "proxy/bigkeys/bigkeys.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <thread>
#include <utility>

#include "config/upstream.h"
#include "proxy/bigkeys/tally.h"
#include "proxy/bigkeys/walk.h"
#include "proxy/databases/database.h"
#include "proxy/doctor/daemon_config.h"
#include "proxy/subcommand/cluster_view.h"
#include "proxy/subcommand/node_client.h"
#include "proxy/subcommand/options.h"

namespace slotless::bigkeys {

namespace {

using subcommand::NodeClient;
using subcommand::Takes;

constexpr subcommand::OptionSpec kOptions[] = {
    {"top", "COUNT", "How many of the largest keys of each database and type are shown (10).", Takes::Value},
    {"rate", "COUNT", "Keys a second, of one master at a time (1000); 0: as fast as it answers.",
     Takes::Value},
    {"samples", "COUNT", "Elements of a value by which its size is estimated (5); 0: all.", Takes::Value},
    {"json", "", "One JSON document a line, for programs.", Takes::Nothing},
    {"help", "", "This.", Takes::Nothing},
};

int fail(const std::string& problem) {
  std::fprintf(stderr, "slotless bigkeys: %s\n", problem.c_str());
  return subcommand::kTrouble;
}

void printHelp() {
  std::fputs(
      "slotless bigkeys [OPTION …] [NODE …]: says how many keys there are and how much memory they take, by "
      "database\nand type, and which are the largest. It walks over all masters, one after the other, slowly.\n"
      "\nNodes are HOST:PORT or URLs, as for cluster-nodes. All options of the daemon count, and its environment\n"
      "and --config FILE: keys are shown by the names that clients of its databases call them.\n\n",
      stdout);
  std::fputs(subcommand::helpText(kOptions).c_str(), stdout);
  std::fputs("\nExit code: 0 all keys were looked at; 1 not those of all masters; 2 it could not look.\n",
             stdout);
}

// False: `problem` says why.
bool take(const subcommand::Options& options, std::string_view name, std::uint64_t most,
          std::uint64_t& number, std::string& problem) {
  const auto text = options.value(name);
  if (!text) return true;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  if (parsed.ec == std::errc{} && parsed.ptr == end && number <= most) return true;
  problem = "--" + std::string(name) + " takes a number from 0 to " + std::to_string(most);
  return false;
}

struct Job {
  config::Config config;
  Pace pace;
  std::uint64_t top = 10;
  bool json = false;
};

// The nodes' own databases that the configuration has, and 0.
std::vector<std::uint32_t> databasesOfNodes(const databases::Databases& databases) {
  std::vector<std::uint32_t> numbers = {0};
  for (const databases::Database& each : databases.all()) {
    if (each.native() && each.index > 0) numbers.push_back(each.index);
  }
  return numbers;
}

int look(const Job& job) {
  const databases::Databases databases(job.config);
  subcommand::ConnectOptions options;
  options.tls = subcommand::TlsFiles::of(job.config);
  options.connectTimeout = job.config.connectTimeout;
  options.clientName = "slotless-bigkeys";
  const auto answer =
      subcommand::lookAtCluster(subcommand::clusterUrls(job.config), options, job.config.addressMap);
  if (answer.view == nullptr) return fail(answer.error);
  Tally tally(job.top);
  Coverage coverage;
  for (const subcommand::ClusterMaster& master : answer.view->masters) {
    ++coverage.masters;
    for (const std::uint32_t number : databasesOfNodes(databases)) {
      subcommand::ServerUrl url = master.url;
      url.database = number;
      NodeClient client(url, options);
      std::string error = client.open();
      if (error.empty()) error = walk(client, databases, number, job.pace, tally);
      if (!error.empty())
        coverage.missing.push_back(url.host + ":" + std::to_string(url.port) + ": " + error);
    }
  }
  if (!answer.view->complete()) coverage.missing.emplace_back("the slots: some have no master");
  std::fputs((job.json ? jsonReport(tally, coverage) : textReport(tally, coverage)).c_str(), stdout);
  if (std::fflush(stdout) != 0) return subcommand::kTrouble;
  return coverage.missing.empty() ? subcommand::kGood : subcommand::kBad;
}

}  // namespace

int run(const subcommand::Arguments& arguments) {
  std::vector<doctor::OwnOption> own;
  for (const auto& option : kOptions) own.push_back({option.name, option.takes != Takes::Nothing});
  const doctor::SplitArguments split = doctor::splitArguments(own, arguments);
  const auto options = subcommand::Options::read(kOptions, split.own);
  if (!options.error().empty()) return fail(options.error());
  if (options.has("help")) return printHelp(), subcommand::kGood;
  Job job;
  job.json = options.has("json");
  job.pace.pause = [](std::chrono::microseconds time) { std::this_thread::sleep_for(time); };
  std::string problem;
  const bool good = take(options, "top", 1'000, job.top, problem) &&
                    take(options, "rate", 10'000'000, job.pace.keysPerSecond, problem) &&
                    take(options, "samples", 1'000'000'000, job.pace.samples, problem);
  if (!good) return fail(problem);
  auto config = doctor::daemonConfig(split.daemon);
  if (!config) return subcommand::kTrouble;
  if (config::servesOneServer(*config))
    return fail("this is for clusters; one server is looked at by redis-cli --bigkeys and --memkeys");
  if (!config->passwordCommand.empty())
    return fail("password-command is not run here; name a node instead: redis://USER:PASSWORD@HOST:PORT");
  job.config = *std::move(config);
  return look(job);
}

}  // namespace slotless::bigkeys
