#include "proxy/commands/own_settings.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>

#include "config/cross_checks.h"
#include "config/quantity.h"
#include "config/schema.h"
#include "config/value.h"
#include "protocol/ascii.h"
#include "protocol/strict_integer.h"

namespace slotless::session {

using protocol::equalsIgnoringCase;

namespace {

constexpr std::string_view kNodesLost = "Slotless would lose the nodes";
// As one Redis begins its text about what it takes at its start alone.
constexpr std::string_view kImmutable = "can't set immutable config";
constexpr std::string_view kNodesAtStart = "can't set immutable config: Slotless would lose the nodes";
constexpr std::string_view kAtStart =
    "can't set immutable config: Slotless has it from its own configuration";
constexpr std::string_view kByConfiguration = "Slotless has it from its own configuration";
constexpr std::string_view kByMemoryLimit =
    "the clients of the nodes are Slotless itself; its memory-limit is about its own clients";
constexpr std::string_view kNoSoftLimit =
    "Slotless has no soft limit for normal clients: beyond "
    "client-output-soft-limit it stops reading from them";

enum class Unit : std::uint8_t { Plain, Seconds };

struct Own {
  std::string_view name;
  std::string_view option;  // of the proxy's configuration; empty: it is refused
  std::string_view refusal = {};
  Unit unit = Unit::Plain;
  bool forNodes = false;  // they would not let more than their own through
};

constexpr Own kOwn[] = {
    // With another value on each or all of them the proxy, or one node, would no longer find or be let in by
    // the others.
    {"bind", "", kNodesLost},
    {"bind-source-addr", "", kNodesLost},
    {"cluster-announce-bus-port", "", kNodesLost},
    {"cluster-announce-hostname", "", kNodesLost},
    {"cluster-announce-ip", "", kNodesLost},
    {"cluster-announce-port", "", kNodesLost},
    {"cluster-announce-tls-port", "", kNodesLost},
    {"cluster-port", "", kNodesAtStart},
    {"cluster-preferred-endpoint-type", "", kNodesLost},
    {"masterauth", "", kNodesLost},
    {"masteruser", "", kNodesLost},
    {"port", "", kNodesLost},
    {"replica-announce-ip", "", kNodesLost},
    {"replica-announce-port", "", kNodesLost},
    {"slave-announce-ip", "", kNodesLost},
    {"slave-announce-port", "", kNodesLost},
    {"tls-port", "", kNodesLost},
    // CONFIG GET tells the proxy's.
    {"databases", "", kAtStart},
    {"protected-mode", "", kByConfiguration},
    {"tcp-backlog", "", kAtStart},
    {"unixsocket", "", kAtStart},
    {"unixsocketperm", "", kAtStart},
    {"maxmemory-clients", "", kByMemoryLimit},
    {"acllog-max-len", "acllog-max-len", {}, Unit::Plain, true},
    {"client-query-buffer-limit", "client-query-buffer-limit", {}, Unit::Plain, true},
    {"maxclients", "max-clients"},
    {"proto-max-bulk-len", "proto-max-bulk-len", {}, Unit::Plain, true},
    {"tcp-keepalive", "tcp-keepalive", {}, Unit::Seconds},
    {"timeout", "client-idle-timeout", {}, Unit::Seconds},
};

constexpr std::uint64_t kLeastSoft = 1024;

constexpr std::string_view kOutputLimits = "client-output-buffer-limit";

std::vector<std::string_view> wordsOf(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool isNone(std::string_view amount) {
  return protocol::strictInteger(amount) == 0;
}

// As a duration of the configuration; what is no number stays as it is, and is refused there.
std::string secondsText(std::string_view number) {
  if (isNone(number) || !protocol::strictInteger(number)) return std::string(number);
  return std::string(number) + "s";
}

// Redis has no word for the limit above which a client is not read from. One that the hard limit falls below
// falls with it, so that a pipeline of its own does not bring a client there.
void stopBefore(std::string_view hard, const config::Config& config, OwnChange& change) {
  const auto most = config::parseBytes(hard).value;
  if (!most || *most == 0 || config.clientOutputSoftLimit <= *most) return;
  change.options.emplace_back("client-output-soft-limit", std::to_string(std::max(*most / 2, kLeastSoft)));
}

// "class hard soft seconds", once or more.
OwnChange outputLimits(const config::Config& config, std::string_view value) {
  OwnChange change;
  const auto words = wordsOf(value);
  std::string forNodes;
  if (words.empty() || words.size() % 4 != 0) {
    change.refusal = "Wrong number of arguments in buffer limit configuration.";
    return change;
  }
  for (std::size_t i = 0; i < words.size(); i += 4) {
    const std::string_view kind = words[i];
    const std::string hard(words[i + 1]);
    if (equalsIgnoringCase(kind, "normal")) {
      if (!isNone(words[i + 2])) change.refusal = kNoSoftLimit;
      change.options.emplace_back("client-output-hard-limit", hard);
      stopBefore(hard, config, change);
    } else if (equalsIgnoringCase(kind, "pubsub")) {
      change.options.emplace_back("client-output-pubsub-hard-limit", hard);
      change.options.emplace_back("client-output-pubsub-soft-limit", words[i + 2]);
      change.options.emplace_back("client-output-pubsub-soft-seconds", secondsText(words[i + 3]));
    } else if (equalsIgnoringCase(kind, "slave") || equalsIgnoringCase(kind, "replica")) {
      for (std::size_t k = i; k < i + 4; ++k) (forNodes += forNodes.empty() ? "" : " ") += words[k];
    } else {
      change.refusal = "Invalid client class specified in buffer limit configuration.";
    }
  }
  if (!forNodes.empty()) change.forNodes = forNodes;
  return change;
}

}  // namespace

std::optional<OwnChange> ownChange(const config::Config& config, std::string_view name,
                                   std::string_view value) {
  if (equalsIgnoringCase(name, kOutputLimits)) return outputLimits(config, value);
  const auto* found = std::find_if(std::begin(kOwn), std::end(kOwn),
                                   [&](const Own& own) { return equalsIgnoringCase(name, own.name); });
  if (found == std::end(kOwn)) return std::nullopt;
  OwnChange change;
  change.refusal = found->refusal;
  change.mayStay = !found->refusal.starts_with(kImmutable);
  if (found->option.empty()) return change;
  change.options.emplace_back(found->option,
                              found->unit == Unit::Seconds ? secondsText(value) : std::string(value));
  if (found->forNodes) change.forNodes = std::string(value);
  return change;
}

config::Config changed(const config::Config& config,
                       const std::vector<std::pair<std::string, std::string>>& options,
                       std::string& problem) {
  config::Config result = config;
  for (const auto& [name, value] : options) {
    const auto wrong = config::assign(*config::findOption(name), value, config::Assign::Replace, result);
    if (wrong && problem.empty()) problem = name + ": " + *wrong;
  }
  const auto before = config::conflicts(config);
  for (const config::Conflict& conflict : config::conflicts(result)) {
    const bool isNew = std::none_of(before.begin(), before.end(), [&](const config::Conflict& old) {
      return old.problem == conflict.problem;
    });
    if (problem.empty() && isNew) problem = std::string(conflict.options.front()) + ": " + conflict.problem;
  }
  return result;
}

std::string outputLimitsText(const config::Config& config, std::string_view nodes) {
  std::string replicas = "slave 0 0 0";
  const auto words = wordsOf(nodes);
  for (std::size_t i = 0; i + 3 < words.size(); i += 4) {
    if (words[i] != "slave" && words[i] != "replica") continue;
    replicas.clear();
    for (std::size_t k = i; k < i + 4; ++k) (replicas += k == i ? "" : " ") += words[k];
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(config.clientOutputPubsubSoftSeconds).count();
  return "normal " + std::to_string(config.clientOutputHardLimit) + " 0 0 " + replicas + " pubsub " +
         std::to_string(config.clientOutputPubsubHardLimit) + " " +
         std::to_string(config.clientOutputPubsubSoftLimit) + " " + std::to_string(seconds);
}

}  // namespace slotless::session
