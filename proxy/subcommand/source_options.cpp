#include "proxy/subcommand/source_options.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include "config/password_text.h"
#include "config/process_inputs.h"

namespace slotless::subcommand {

namespace {

constexpr std::array<OptionSpec, 3> kSpecs{{
    {"from", "URL", "The server: redis[s]://USER:PASSWORD@HOST:PORT. [SLOTLESS_MIGRATE_FROM]", Takes::Value},
    {"from-password-file", "FILE", "A file with its password. [SLOTLESS_MIGRATE_FROM_PASSWORD]",
     Takes::Value},
    {"from-tls-ca-cert-file", "FILE", "Who may have signed its certificate; as for the cluster otherwise.",
     Takes::Value},
}};

struct FoundUrl {
  ServerUrl url;
  std::string error;
};

FoundUrl urlOf(const Options& options, const config::Config& config) {
  const char* const variable = std::getenv(kSourceVariables[0]);
  std::optional<std::string> text = options.value("from");
  if (!text && variable != nullptr) text = variable;
  if (text) {
    auto url = parseServerUrl(*text);
    if (!url.value) return {{}, "--from: " + url.reason};
    return {*std::move(url.value), {}};
  }
  if (config.server.empty() || !config.sentinelName.empty())
    return {{}, "where from? --from redis://USER:PASSWORD@HOST:PORT"};
  const config::Endpoint& server = config.server.front();
  return {{server.host, server.port, config.serverTls, config.serverUsername, config.serverPassword, 0}, {}};
}

}  // namespace

std::span<const OptionSpec> sourceOptions() noexcept {
  return kSpecs;
}

SourceOptions readSourceOptions(const Options& options, const config::Config& config) {
  SourceOptions source;
  source.tls = TlsFiles::of(config);
  if (const auto authority = options.value("from-tls-ca-cert-file")) source.tls.authority = *authority;
  FoundUrl found = urlOf(options, config);
  source.url = std::move(found.url);
  source.error = std::move(found.error);
  if (!source.error.empty()) return source;
  if (const char* const password = std::getenv(kSourceVariables[1]);
      password != nullptr && source.url.password.empty())
    source.url.password = password;
  if (const auto file = options.value("from-password-file")) {
    const config::FileText content = config::readFile(*file);
    const auto password = content.text ? config::passwordIn(*content.text)
                                       : decltype(config::passwordIn("")){{}, content.error};
    if (!password.value)
      source.error = "--from-password-file: " + password.reason;
    else
      source.url.password = *password.value;
  }
  return source;
}

}  // namespace slotless::subcommand
