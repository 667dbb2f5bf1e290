#include "proxy/commands/server_settings.h"

#include <fnmatch.h>

#include <algorithm>
#include <chrono>

#include "config/endpoint.h"
#include "protocol/ascii.h"
#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "proxy/commands/own_settings.h"
#include "proxy/commands/password_setting.h"
#include "proxy/commands/setting_changes.h"
#include "proxy/commands/slow_log_commands.h"
#include "proxy/dispatch/asked_nodes.h"
#include "proxy/observe/latency_events.h"
#include "proxy/routing/config_merge.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/client.h"

namespace slotless::session {

using routing::Plan;

namespace {

std::string secondsText(config::Milliseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

struct OwnSetting {
  std::string_view name;
  std::string (*value)(const config::Config&);
};
constexpr OwnSetting kOwnSettings[] = {
    {"acllog-max-len", [](const config::Config& config) { return std::to_string(config.acllogMaxLen); }},
    {"bind",
     [](const config::Config& config) {
       std::string hosts;
       for (const config::Endpoint& endpoint : config.listen) {
         if (!endpoint.isUnix()) (hosts += hosts.empty() ? "" : " ") += endpoint.host;
       }
       return hosts;
     }},
    {"client-query-buffer-limit",
     [](const config::Config& config) { return std::to_string(config.clientQueryBufferLimit); }},
    {"cluster-enabled", [](const config::Config&) { return std::string("no"); }},
    // Secrets between the nodes.
    {"masterauth", [](const config::Config&) { return std::string(); }},
    {"masteruser", [](const config::Config&) { return std::string(); }},
    {"maxmemory-clients", [](const config::Config&) { return std::string("0"); }},
    {"maxclients", [](const config::Config& config) { return std::to_string(config.maxClients); }},
    {"port",
     [](const config::Config& config) {
       const config::Endpoint* listener = config::firstTcpListener(config);
       return std::to_string(listener == nullptr ? 0 : listener->port);
     }},
    {"proto-max-bulk-len",
     [](const config::Config& config) { return std::to_string(config.protoMaxBulkLen); }},
    {"protected-mode",
     [](const config::Config& config) { return std::string(config.protectedMode ? "yes" : "no"); }},
    {"tcp-backlog", [](const config::Config& config) { return std::to_string(config.tcpBacklog); }},
    {"tcp-keepalive", [](const config::Config& config) { return secondsText(config.tcpKeepalive); }},
    {"timeout", [](const config::Config& config) { return secondsText(config.clientIdleTimeout); }},
    {"tls-port", [](const config::Config&) { return std::string("0"); }},
    {"unixsocket",
     [](const config::Config& config) {
       const config::Endpoint* listener = config::firstUnixListener(config);
       return listener == nullptr ? std::string() : listener->path;
     }},
};

constexpr std::string_view kNodesOutputLimits = "client-output-buffer-limit";

// What the first node says.
std::optional<std::string_view> nodesText(std::span<const routing::PartReply> parts, std::string_view name) {
  const auto pairs = routing::pairsOf(parts.front().bytes);
  if (!pairs) return std::nullopt;
  for (const auto& [key, value] : *pairs) {
    if (routing::textOf(key) == name) return routing::textOf(value);
  }
  return std::nullopt;
}

class ConfigComposer final : public routing::Composer {
 public:
  ConfigComposer(Services& services, protocol::Argv argv, int protocol)
      : services_(services),
        config_(services.config),
        databases_(services.asker->numbering().size()),
        patterns_(argv.begin() + 2, argv.end()),
        protocol_(protocol),
        asked_(askedNodes(services.links, eachMaster())),
        denials_(*services.denialsAtHand) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    const bool isOfClient = &denials_ != &services_.denials;
    if (noteDenials(parts) && !isOfClient && composeOwn(out)) return true;
    if (routing::appendFirstError(parts, out)) return false;
    routing::OwnSettings own = ownSettings();
    if (const auto text = nodesText(parts, kNodesOutputLimits))
      own.emplace(kNodesOutputLimits, outputLimitsText(config_, *text));
    const std::size_t before = out.size();
    if (routing::mergeConfig(parts, own, out)) return true;
    out.resize(before);
    return routing::appendUnmergeable(out);
  }

 private:
  static Plan eachMaster() {
    Plan plan;
    plan.kind = Plan::Kind::EachNode;
    return plan;
  }

  bool noteDenials(std::span<const routing::PartReply> parts) {
    bool denied = false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const net::Address node = parts.size() == asked_.size() ? asked_[i] : net::Address{};
      if (!routing::isErrorReply(parts[i].bytes)) {
        denials_.worked(telemetry::Deniable::ConfigGet, node);
      } else if (protocol::isDenial(parts[i].bytes)) {
        denials_.note(telemetry::Deniable::ConfigGet, node, parts[i].bytes, services_.host.now);
        denied = true;
      }
    }
    return denied;
  }

  // Where the nodes' are denied: those that were asked for, but for what an operator may want to hide. False:
  // there are none.
  bool composeOwn(std::string& out) const {
    std::string pairs;
    std::size_t count = 0;
    for (const auto& [name, value] : ownSettings()) {
      const bool wanted = std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
        return fnmatch(pattern.c_str(), std::string(name).c_str(), FNM_CASEFOLD) == 0;
      });
      if (!wanted || name == kPasswordSetting) continue;
      protocol::appendBulk(pairs, name);
      protocol::appendBulk(pairs, value);
      ++count;
    }
    if (count == 0) return false;
    protocol::appendMapHeader(out, protocol_, count);
    out += pairs;
    return true;
  }

  routing::OwnSettings ownSettings() const {
    routing::OwnSettings own;
    for (const OwnSetting& setting : kOwnSettings) own.emplace(setting.name, setting.value(config_));
    own.emplace("databases", std::to_string(databases_));
    own.emplace("latency-monitor-threshold", std::to_string(services_.latency.threshold().count()));
    own.emplace(kPasswordSetting, passwordText(services_));
    own.emplace("loglevel", std::string(logLevelWord()));
    addSlowLogSettings(services_.slowLog, own);
    return own;
  }

  Services& services_;
  const config::Config& config_;
  const std::size_t databases_;
  const std::vector<std::string> patterns_;
  const int protocol_;
  const std::vector<net::Address> asked_;
  telemetry::Denials& denials_;
};

}  // namespace

std::optional<std::string> ownSettingText(const config::Config& config, std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kOwnSettings), std::end(kOwnSettings),
                   [&](const OwnSetting& each) { return protocol::equalsIgnoringCase(each.name, name); });
  if (found == std::end(kOwnSettings)) return std::nullopt;
  return found->value(config);
}

bool planConfigGet(Services& services, protocol::Argv argv, Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::EachNode;
  plan.composer = std::make_unique<ConfigComposer>(services, argv, plan.protocol);
  return true;
}

}  // namespace slotless::session
