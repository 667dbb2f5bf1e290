#include "proxy/emulation/info.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <random>

#include "config/endpoint.h"
#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/databases/info_keyspace.h"
#include "proxy/emulation/asker.h"
#include "proxy/emulation/replica_facts.h"
#include "proxy/routing/info_merge.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/translation/alternatives.h"

namespace slotless::session {

namespace {

constexpr std::size_t kRunIdDigits = 40;
constexpr std::string_view kNoReplicationId = "0000000000000000000000000000000000000000";

// As of one server: the same for all workers, another one after each start.
const std::string& runId() {
  static const std::string id = [] {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::random_device random;
    std::string digits;
    while (digits.size() < kRunIdDigits) digits += kDigits[random() % kDigits.size()];
    return digits;
  }();
  return id;
}

const std::string& executable() {
  static const std::string path = [] {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).string();
  }();
  return path;
}

struct Facts {
  const PlanContext& context;
  ProcessFacts process;
  std::string replicas;  // see replica_facts.h
};

struct OwnField {
  std::string_view section;
  std::string_view name;
  std::string (*value)(const Facts&);
  // Is it for those servers only that have it themselves? nullptr: no.
  bool (*onlyWhereKnown)(const Facts&) = nullptr;
};

// Sections stand together, in Redis's order.
constexpr OwnField kOwnFields[] = {
    {"Server", "redis_version", [](const Facts& f) { return std::string(serverVersion(f.context)); }},
    {"Server", "redis_mode", [](const Facts&) { return std::string("standalone"); },
     [](const Facts& f) { return f.context.manners.server.product == "valkey"; }},
    {"Server", "server_mode", [](const Facts&) { return std::string("standalone"); },
     [](const Facts&) { return true; }},
    {"Server", "process_id", [](const Facts&) { return std::to_string(getpid()); }},
    {"Server", "process_supervised", [](const Facts&) { return std::string("no"); }},
    {"Server", "run_id", [](const Facts&) { return runId(); }},
    {"Server", "tcp_port",
     [](const Facts& f) {
       const config::Endpoint* listener = config::firstTcpListener(f.context.config);
       return std::to_string(listener == nullptr ? 0 : listener->port);
     }},
    {"Server", "uptime_in_seconds", [](const Facts& f) { return std::to_string(f.process.uptimeSeconds); }},
    {"Server", "uptime_in_days",
     [](const Facts& f) { return std::to_string(f.process.uptimeSeconds / 86400); }},
    {"Server", "executable", [](const Facts&) { return executable(); }},
    {"Server", "config_file", [](const Facts&) { return std::string(); }},
    {"Clients", "connected_clients", [](const Facts& f) { return std::to_string(f.process.clients); }},
    {"Clients", "cluster_connections", [](const Facts&) { return std::string("0"); }},
    {"Clients", "blocked_clients", [](const Facts& f) { return std::to_string(f.process.blockedClients); }},
    {"Clients", "tracking_clients", [](const Facts& f) { return std::to_string(f.process.trackingClients); }},
    {"Clients", "maxclients", [](const Facts& f) { return std::to_string(f.context.config.maxClients); }},
    {"Persistence", "loading", [](const Facts&) { return std::string("0"); }},
    {"Stats", "total_connections_received",
     [](const Facts& f) { return std::to_string(f.process.clientsAccepted); }},
    {"Stats", "total_net_input_bytes",
     [](const Facts& f) { return std::to_string(f.process.bytesReceived); }},
    {"Stats", "total_net_output_bytes", [](const Facts& f) { return std::to_string(f.process.bytesSent); }},
    {"Stats", "rejected_connections",
     [](const Facts& f) { return std::to_string(f.process.clientsRejected); }},
    {"Replication", "role", [](const Facts&) { return std::string("master"); }},
    {"Replication", "connected_slaves", [](const Facts& f) { return f.replicas; }},
    {"Replication", "master_failover_state", [](const Facts&) { return std::string("no-failover"); }},
    {"Replication", "master_replid", [](const Facts&) { return runId(); }},
    {"Replication", "master_replid2", [](const Facts&) { return std::string(kNoReplicationId); }},
    {"Replication", "second_repl_offset", [](const Facts&) { return std::string("-1"); }},
    {"Replication", "repl_backlog_first_byte_offset", [](const Facts&) { return std::string("0"); }},
    {"Cluster", "cluster_enabled", [](const Facts&) { return std::string("0"); }},
};

// Words that stand for all sections that the proxy can fill by itself.
constexpr std::string_view kAllSections[] = {"default", "all", "everything"};

bool wanted(std::string_view section, const void* context) {
  const auto& words = *static_cast<const std::vector<std::string>*>(context);
  return words.empty() || std::any_of(words.begin(), words.end(), [&](const std::string& word) {
           const auto is = [&](std::string_view name) { return protocol::equalsIgnoringCase(word, name); };
           return is(section) || std::any_of(std::begin(kAllSections), std::end(kAllSections), is);
         });
}

std::vector<bool> mastersWithSlots(const upstream::LinkPool& links) {
  const cluster::Topology& topology = links.topology();
  std::vector<bool> all;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    if (!topology.nodes[i].master || links.isReplaced(static_cast<cluster::NodeIndex>(i))) continue;
    const auto& owners = topology.owners;
    all.push_back(std::find(owners.begin(), owners.end(), i) != owners.end());
  }
  return all;
}

class InfoComposer final : public routing::Composer {
 public:
  InfoComposer(PlanContext& context, std::vector<std::string> sections, int protocol)
      : context_(context),
        sections_(std::move(sections)),
        protocol_(protocol),
        numbering_(context.asker->numbering()),
        user_(context.asker->restrictedUser()),
        ownAddress_(ownAddress(*context.asker, context)),
        ownsSlots_(mastersWithSlots(context.links)) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    std::vector<std::string_view> texts;
    std::vector<std::string_view> ofOwners;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto text = routing::isErrorReply(parts[i].bytes) ? std::nullopt : textOf(parts[i].bytes);
      if (!text) continue;
      texts.push_back(*text);
      // Nobody waits for the replicas of a master that has nothing.
      if (parts.size() != ownsSlots_.size() || ownsSlots_[i]) ofOwners.push_back(*text);
    }
    const Facts facts{context_, context_.baseline.since(context_.counters.facts()),
                      replicaLines(ofOwners, ownAddress_)};
    std::vector<routing::OwnInfoField> own;
    for (const OwnField& field : kOwnFields) {
      const bool onlyWhereKnown = field.onlyWhereKnown != nullptr && field.onlyWhereKnown(facts);
      own.push_back({field.section, field.name, field.value(facts), onlyWhereKnown});
    }
    std::string text =
        texts.empty() ? routing::ownInfo(own, wanted, &sections_) : routing::mergeInfo(texts, own);
    text = databases::withDatabases(text, context_.databases, numbering_, keys_);
    protocol::appendVerbatimText(out, protocol_, user_ == nullptr ? text : withoutOthers(text));
    return true;
  }

 private:
  // Without the lines of databases that the user may not select.
  std::string withoutOthers(std::string_view text) const {
    constexpr std::string_view kDatabase = "db";
    std::string kept;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(end);
      const auto number = line.starts_with(kDatabase) && line.find(":keys=") != std::string_view::npos
                              ? protocol::strictInteger(line.substr(2, line.find(':') - 2))
                              : std::nullopt;
      const bool isThere = number && *number >= 0 && static_cast<std::size_t>(*number) < numbering_.size();
      if (!isThere || maySelect(*user_, numbering_.at(static_cast<std::size_t>(*number)).index)) kept += line;
    }
    return kept;
  }

  // Also counts the keys that come with it.
  std::optional<std::string_view> textOf(std::string_view reply) {
    if (!routing::isListReply(reply)) return routing::textOf(reply);
    const databases::NodeInfo info = databases::parseNodeInfo(reply);
    if (!info.valid) return std::nullopt;
    keys_.resize(std::max(keys_.size(), info.keys.size()));
    for (std::size_t i = 0; i < info.keys.size(); ++i) keys_[i] += info.keys[i];
    return info.text;
  }

  PlanContext& context_;
  std::vector<std::string> sections_;
  int protocol_;
  const databases::Numbering& numbering_;
  const access::UserPtr user_;  // nullptr: may do everything
  const net::Address ownAddress_;
  const std::vector<bool> ownsSlots_;  // of each master
  std::vector<std::uint64_t> keys_;    // of each pinned database
};

void askAll(const std::vector<std::string>& words, routing::Plan& plan) {
  plan.kind = routing::Plan::Kind::EachNode;
  plan.reachableOnly = true;
  protocol::appendRequest(plan.rewritten, std::vector<std::string_view>(words.begin(), words.end()));
}

// With the databases' keys, or, where scripts are denied, with all keys as database 0's.
void planInfoWays(PlanContext& context, const std::vector<std::string>& sections, routing::Plan& plan) {
  using telemetry::Deniable;
  std::vector<Way> ways;
  addScriptWays(ways, context.commands->find("eval_ro") != nullptr, Deniable::InfoScripts,
                [&all = context.databases, sections](std::string_view eval, routing::Plan& next) {
                  askAll(databases::infoRequest(sections, all, eval), next);
                });
  ways.push_back({Deniable::Info, {}, [sections](routing::Plan& next) {
                    std::vector<std::string> words = {"INFO"};
                    words.insert(words.end(), sections.begin(), sections.end());
                    askAll(words, next);
                  }});
  ways.back().takesDenials = true;
  planAlternatives(context, "INFO", std::move(ways), plan,
                   std::make_unique<InfoComposer>(context, sections, plan.protocol));
}

}  // namespace

std::string_view serverVersion(const PlanContext& context) {
  const std::string& version = context.links.topology().serverVersion;
  return version.empty() ? "7.0.0" : std::string_view(version);
}

bool planInfo(PlanContext& context, protocol::Argv argv, routing::Plan& plan) {
  plan.clear();
  plan.kind = routing::Plan::Kind::EachNode;
  plan.reachableOnly = true;
  std::vector<std::string> sections(argv.begin() + 1, argv.end());
  if (context.databases.anyMapped() && wanted("Keyspace", &sections)) {
    planInfoWays(context, sections, plan);
  } else {
    plan.composer = std::make_unique<InfoComposer>(context, std::move(sections), plan.protocol);
  }
  return true;
}

}  // namespace slotless::session
