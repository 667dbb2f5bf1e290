#include "proxy/subcommand/daemon_options.h"

#include <array>
#include <utility>
#include <variant>

#include "config/load.h"
#include "config/process_inputs.h"
#include "proxy/subcommand/source_options.h"

namespace slotless::subcommand {

namespace {

constexpr std::array<OptionSpec, 13> kOfDaemon{{
    {"config", "FILE", "The daemon's configuration: the cluster, its layouts, and as `server` the source.",
     Takes::Value},
    {"database-layout", "RULE",
     "How the databases lie in the cluster, as the daemon has it: 1=pinned, 2=grouped:bull:*:",
     Takes::Values},
    {"databases", "COUNT", "How many databases there are on the target.", Takes::Value},
    {"username", "NAME", "The user on the cluster.", Takes::Value},
    {"password-file", "FILE", "A file with the password for the cluster.", Takes::Value},
    {"address-map", "RULE", "Where nodes are reached that announce other addresses.", Takes::Values},
    {"cluster-tls", "yes|no", "Whether the cluster's nodes speak TLS.", Takes::Value},
    {"cluster-tls-ca-cert-file", "FILE", "Who may have signed the nodes' certificates.", Takes::Value},
    {"cluster-tls-cert-file", "FILE", "The certificate that is shown to the nodes.", Takes::Value},
    {"cluster-tls-key-file", "FILE", "Its key.", Takes::Value},
    {"cluster-tls-server-name", "NAME", "The name that is verified instead of the one that is dialled.",
     Takes::Value},
    {"cluster-tls-verify", "name|ca|off", "How the nodes' certificates are verified.", Takes::Value},
    {"to", "URL,...", "Nodes of the cluster: redis[s]://USER:PASSWORD@HOST:PORT. [REDIS_CLUSTER_NODES]",
     Takes::Values},
}};

constexpr std::string_view kNodes = "cluster-nodes";

// A node that is named wrongly has been found somewhere.
template <class Loaded>
bool namesNoNode(const Loaded& loaded) {
  const auto* const errors = std::get_if<config::Errors>(&loaded);
  return errors != nullptr && errors->size() == 1 && errors->front().option == kNodes &&
         errors->front().source.empty();
}

}  // namespace

std::vector<OptionSpec> withCommonOptions(std::span<const OptionSpec> own) {
  const auto source = sourceOptions();
  std::vector<OptionSpec> all(source.begin(), source.end());
  all.insert(all.end(), own.begin(), own.end());
  all.insert(all.end(), kOfDaemon.begin(), kOfDaemon.end());
  return all;
}

// The daemon's own reader knows all of it.
DaemonOptions readDaemonOptions(const Options& options, Cluster cluster) {
  config::Inputs inputs = config::processInputs(0, nullptr);
  for (const OptionSpec& spec : kOfDaemon) {
    for (const std::string& value : options.values(spec.name)) {
      inputs.arguments.push_back("--" + std::string(spec.name == "to" ? kNodes : spec.name));
      inputs.arguments.push_back(value);
    }
  }
  auto loaded = config::load(inputs);
  const bool standsIn = cluster == Cluster::Optional && namesNoNode(loaded);
  if (standsIn) {
    inputs.arguments.push_back("--" + std::string(kNodes));
    inputs.arguments.emplace_back("127.0.0.1:1");
    loaded = config::load(inputs);
  }
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) return {{}, errors->front().text()};
  DaemonOptions read{std::get<config::Config>(std::move(loaded)), {}};
  if (standsIn) read.config.clusterNodes.clear();
  return read;
}

}  // namespace slotless::subcommand
