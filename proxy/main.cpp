// slotless: makes a Redis Cluster look like one plain Redis.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <variant>

#include "config/cross_checks.h"
#include "config/process_inputs.h"
#include "proxy/server/server.h"
#include "proxy/telemetry/log.h"

namespace {

using namespace slotless;

// Descriptors beside clients: links, listeners, admin HTTP, the libraries' own.
constexpr std::uint64_t kReservedDescriptors = 256;

log::Level logLevel(config::LogLevel level) { return static_cast<log::Level>(level); }

void raiseDescriptorLimit(const config::Config& config) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < config.maxClients + kReservedDescriptors) {
    log::warn("too few file descriptors for max-clients",
              {{"limit", limit.rlim_cur}, {"wanted", config.maxClients + kReservedDescriptors}});
  }
}

int serve(config::Config config) {
  log::init(logLevel(config.logLevel));
  std::signal(SIGPIPE, SIG_IGN);
  for (const std::string& warning : config::warnings(config)) log::warn(warning);
  raiseDescriptorLimit(config);
  server::Server server(std::move(config));
  if (const auto error = server.run()) {
    log::error(*error);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    auto loaded = config::load(config::processInputs(argc, argv));
    if (const auto* printout = std::get_if<config::Printout>(&loaded)) {
      std::fputs(printout->text.c_str(), stdout);
      return EXIT_SUCCESS;
    }
    if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
      for (const config::Error& error : *errors) std::fprintf(stderr, "slotless: %s\n", error.text().c_str());
      return EXIT_FAILURE;
    }
    return serve(std::get<config::Config>(std::move(loaded)));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "slotless: %s\n", failure.what());
    return EXIT_FAILURE;
  }
}
