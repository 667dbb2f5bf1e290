#include "proxy/migrate/source_facts.h"

#include <charconv>
#include <utility>

#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

using subcommand::InfoText;
using subcommand::NodeClient;
using subcommand::Reply;

namespace {

// Other errors, such as those about missing keys or arguments, come from a command that is there and allowed.
bool has(NodeClient& client, std::initializer_list<std::string_view> words) {
  const Reply reply = client.command(words);
  if (reply.isLost()) return false;
  return !reply.isError() ||
         (!reply.text.starts_with("NOPERM") && reply.text.find("unknown") == std::string::npos);
}

Usage usageBy(std::string_view policy) {
  if (policy.ends_with("lfu")) return Usage::Frequency;
  if (policy.ends_with("lru")) return Usage::IdleTime;
  return Usage::None;
}

SourceFacts ofNode(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options) {
  SourceFacts facts;
  NodeClient client(url, options);
  if (auto error = client.open(); !error.empty()) {
    facts.error = std::move(error);
    return facts;
  }
  const Reply reply = client.command({"INFO"});
  if (reply.failed()) {
    facts.error = url.shown() + ": " + reply.text;
    return facts;
  }
  const InfoText info(reply.text);
  const std::string_view version = info.value("redis_version");
  const auto dot = std::from_chars(version.data(), version.data() + version.size(), facts.major);
  if (dot.ptr != version.data() + version.size())
    std::from_chars(dot.ptr + 1, version.data() + version.size(), facts.minor);
  const std::string_view valkey = info.value("valkey_version");
  facts.software = valkey.empty() ? "Redis " + std::string(version) : "Valkey " + std::string(valkey);
  facts.runId = info.value("run_id");
  facts.isCluster = info.value("cluster_enabled") == "1";
  facts.isReplica = info.value("role") == "slave";
  facts.usage = usageBy(info.value("maxmemory_policy"));
  facts.tellsSizes = has(client, {"MEMORY", "USAGE", "~{slotless-migrate}:none"});
  facts.tellsExpiryTimes = has(client, {"PEXPIRETIME", "~{slotless-migrate}:none"});
  facts.tellsFieldExpiry = has(client, {"HPEXPIRETIME", "~{slotless-migrate}:none", "FIELDS", "1", "f"});
  facts.hasFunctions = has(client, {"FUNCTION", "LIST"});
  if (facts.major < 6)
    facts.error = url.shown() + " is " + facts.software + "; a migration needs 6.0 at least";
  return facts;
}

}  // namespace

SourceFacts factsOf(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options) {
  SourceFacts facts = ofNode(url, options);
  if (facts.isCluster) facts.error = url.shown() + " is a node of a cluster; a migration is from one server";
  return facts;
}

SourceFacts factsOfAll(const std::vector<subcommand::ClusterMaster>& masters,
                       const subcommand::ConnectOptions& options) {
  SourceFacts all;
  for (const auto& master : masters) {
    SourceFacts facts = ofNode(master.url, options);
    if (&master == &masters.front()) {
      all = std::move(facts);
      continue;
    }
    if (all.error.empty()) all.error = std::move(facts.error);
    if (facts.usage != all.usage) all.usage = Usage::None;
    all.tellsSizes = all.tellsSizes && facts.tellsSizes;
    all.tellsExpiryTimes = all.tellsExpiryTimes && facts.tellsExpiryTimes;
    all.tellsFieldExpiry = all.tellsFieldExpiry && facts.tellsFieldExpiry;
    all.hasFunctions = all.hasFunctions && facts.hasFunctions;
  }
  return all;
}

}  // namespace slotless::migrate
