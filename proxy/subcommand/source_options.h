// Which server a sub-command looks at, and who asks: --from and what belongs to it, from the command line,
// the environment and files.
#pragma once
#include <array>
#include <span>
#include <string>

#include "config/config.h"
#include "proxy/subcommand/byte_stream.h"
#include "proxy/subcommand/options.h"
#include "proxy/subcommand/server_url.h"

namespace slotless::subcommand {

// The URL, and the password; and what the proxies' consoles are told by slotless migrate cut-over.
inline constexpr const char* kProxyPasswordVariable = "SLOTLESS_MIGRATE_PROXY_PASSWORD";
inline constexpr const char* kProxyUserVariable = "SLOTLESS_MIGRATE_PROXY_USERNAME";
inline constexpr std::array<const char*, 4> kSourceVariables{
    "SLOTLESS_MIGRATE_FROM", "SLOTLESS_MIGRATE_FROM_PASSWORD", kProxyUserVariable, kProxyPasswordVariable};

std::span<const OptionSpec> sourceOptions() noexcept;

struct SourceOptions {
  ServerUrl url;
  TlsFiles tls;
  std::string error;
};

// `config`: whose `server` it is where no other is named, and whose files for TLS where it has none of its
// own.
SourceOptions readSourceOptions(const Options& options, const config::Config& config);

}  // namespace slotless::subcommand
