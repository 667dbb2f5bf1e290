// slotless: makes a Redis Cluster look like one plain Redis.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

#include "config/cross_checks.h"
#include "config/origin_book.h"
#include "config/pages.h"
#include "config/parser_trial.h"
#include "config/process_inputs.h"
#include "config/secret_arguments.h"
#include "proxy/emulation/command_fates.h"
#include "proxy/emulation/cross_slot_table.h"
#include "proxy/migrate/announcement.h"
#include "proxy/migrate/decision.h"
#include "proxy/net/tls_context.h"
#include "proxy/server/core_dumps.h"
#include "proxy/server/descriptor_limit.h"
#include "proxy/server/memory_tide.h"
#include "proxy/server/open_administrators.h"
#include "proxy/server/passed_on.h"
#include "proxy/server/server.h"
#include "proxy/server/user_check.h"
#include "proxy/shadow/shadow.h"
#include "proxy/telemetry/log.h"
#include "proxy/telemetry/migration_progress.h"
#include "proxy/trace/tracing.h"
#include "subcommands.h"

namespace {

using namespace slotless;

// Which side is in force stands in the cluster. Before that is known nobody can be served.
server::SideRecord findSide(config::Config& config) {
  if (config.upstream != config::Upstream::Migrating) return {};
  const auto complain = [](const std::string& error) {
    log::always(log::Level::Error, "the cluster does not tell which side is in force", {{"error", error}});
  };
  const migrate::Decision decision(config);
  config.side = decision.find(complain);
  log::always(log::Level::Info, "upstream is migrating",
              {{"in_force", *config.side == config::Upstream::Cluster ? "the cluster" : "the server"}});
  const auto told = [complain](std::optional<std::string> side, const std::string& error) {
    if (!side) complain(error);
    return side;
  };
  return {
      [decision, told](const std::string& from, const std::string& to) {
        std::string error;
        return told(decision.change(from, to, error), error);
      },
      [decision, told, consoles = migrate::consolesOf(config)](const std::string& process,
                                                               const std::string& where) {
        std::string error;
        auto news = decision.announce(process, {where, consoles}, error);
        if (!news) return told(std::nullopt, error);
        telemetry::MigrationBoard::ofProcess().set(telemetry::readProgress(news->run, news->isAtWork));
        return told(std::move(news->side), error);
      },
      [decision](const std::string& process) { decision.leave(process); },
      [shadow = std::make_shared<shadow::Shadow>()](const config::Config& loaded) { shadow->use(loaded); }};
}

int serve(config::Config config, server::Server::Reader reader, server::PassedOn passedOn,
          server::Invocation invocation, std::shared_ptr<const config::OriginBook> origins) {
  log::init(static_cast<log::Level>(config.logLevel), static_cast<log::Format>(config.logFormat));
  std::signal(SIGPIPE, SIG_IGN);
  server::allowCoreDumps(config.coreDumps);
  server::limitAllocatorReserve();
  for (const std::string& warning : config::warnings(config)) log::always(log::Level::Warn, warning);
  for (const server::OpenAdministrator& each : server::openAdministrators(config))
    log::always(log::Level::Warn, each.text());
  auto sideRecord = findSide(config);
  trace::Tracing tracing;
  tracing.use(config);
  sideRecord.configured = [&tracing,
                           others = std::move(sideRecord.configured)](const config::Config& loaded) {
    if (others != nullptr) others(loaded);
    tracing.use(loaded);
  };
  server::Server server(server::withinDescriptors(std::move(config)), std::move(reader), std::move(passedOn),
                        std::move(invocation), std::move(origins), std::move(sideRecord));
  const auto error = server.run();
  tracing.end();
  if (!error) return EXIT_SUCCESS;
  log::error(*error);
  return EXIT_FAILURE;
}

// What the documents have of the code.
struct DocumentTable {
  std::string_view option;
  std::string (*text)();
};
constexpr DocumentTable kDocumentTables[] = {{"--print-cross-slot-table", session::crossSlotTable},
                                             {"--print-command-table", session::commandFateTable}};

const DocumentTable* documentTable(int argc, char** argv) {
  const auto* found = std::find_if(std::begin(kDocumentTables), std::end(kDocumentTables),
                                   [&](const auto& each) { return argc == 2 && argv[1] == each.option; });
  return found == std::end(kDocumentTables) ? nullptr : found;
}

bool isTrial(int argc, char** argv) {
  return argc == 2 && argv[1] == std::string_view(config::kTrialArgument);
}

// The process is another program then; it has read its arguments before their secrets are hidden.
int runSubcommand(const subcommand::Subcommand& chosen, int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const subcommand::Arguments arguments(argv + 2, argv + argc);
  config::hideSecretArguments(argc, argv);
  subcommand::hideUrlPasswords(argc, argv);
  return chosen.run(arguments);
}

int fail(const std::string& problem) {
  std::fprintf(stderr, "slotless: %s\n", problem.c_str());
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  server::allowCoreDumps(false);  // before there are secrets
  net::countTlsMemory();          // before anything else may have used it
  try {
    if (isTrial(argc, argv)) return config::serveTrial();
    if (const auto* chosen = argc > 1 ? subcommand::find(subcommands(), argv[1]) : nullptr)
      return runSubcommand(*chosen, argc, argv);
    if (const auto* table = documentTable(argc, argv)) {
      std::fputs(table->text().c_str(), stdout);
      return EXIT_SUCCESS;
    }
    config::Inputs inputs = config::processInputs(argc, argv);
    inputs.checkUsers = server::objectionsToUsers;
    const auto origins = std::make_shared<config::OriginBook>();
    inputs.tellOrigins = [origins](const config::Origins& found) { origins->set(found); };
    server::Invocation invocation{{argv, argv + argc}, inputs.environment};
    config::hideSecretArguments(argc, argv);
    auto passedOn = server::takePassedOn(inputs.environment);
    if (!passedOn.error.empty()) return fail(passedOn.error);
    // By value: a reading may still be under way when this function has returned.
    const auto read = [inputs, listeners = server::endpointsOf(passedOn.sockets)] {
      return server::withListeners(config::load(inputs), listeners);
    };
    auto loaded = read();
    if (const auto* printout = std::get_if<config::Printout>(&loaded)) {
      std::fputs(printout->text.c_str(), stdout);
      if (printout->text == config::helpPage())
        std::fputs(subcommand::helpText(subcommands()).c_str(), stdout);
      return EXIT_SUCCESS;
    }
    if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
      for (const config::Error& error : *errors) fail(error.text());
      return EXIT_FAILURE;
    }
    const auto readAgain = [read] { return server::withinDescriptors(read()); };
    const int code = serve(std::get<config::Config>(std::move(loaded)), readAgain, std::move(passedOn),
                           std::move(invocation), origins);
    log::flush();
    return code;
  } catch (const std::exception& failure) {
    return fail(failure.what());
  }
}
