#include "proxy/telemetry/denials.h"

#include <algorithm>
#include <array>

#include "proxy/telemetry/log.h"

namespace slotless::telemetry {

namespace {

struct Row {
  Deniable what;
  DeniableFact fact;
};

constexpr std::array<Row, kDeniableCount> kFacts = {{
    {Deniable::Hello, {"HELLO", "clients are refused RESP3"}},
    {Deniable::ClientSetName, {"CLIENT SETNAME", "links have no name on the nodes"}},
    {Deniable::ClientNoEvict, {"CLIENT NO-EVICT", "maxmemory-clients of a node may close links"}},
    {Deniable::ClientId,
     {"CLIENT ID", "dead connections are found later, and CLIENT TRACKING takes no REDIRECT"}},
    {Deniable::ReadOnly, {"READONLY", "replicas are not read from"}},
    {Deniable::ClientList, {"CLIENT LIST", "dead connections are found later"}},
    {Deniable::Role, {"ROLE", "replicas count as in step with their masters"}},
    {Deniable::Info, {"INFO", "versions are not known, and INFO shows the proxy's own fields"}},
    {Deniable::ClusterSlots, {"CLUSTER SLOTS", "CLUSTER NODES or SHARDS tells the topology"}},
    {Deniable::ClusterNodes, {"CLUSTER NODES", "of two answers about a slot the newer one counts"}},
    {Deniable::ClusterShards, {"CLUSTER SHARDS", "the topology is learned by CLUSTER SLOTS or NODES only"}},
    {Deniable::CountKeysInSlot, {"CLUSTER COUNTKEYSINSLOT", "sizes of databases are not measured"}},
    {Deniable::Command, {"COMMAND", "the commands that are built in count"}},
    {Deniable::CommandDocs, {"COMMAND DOCS", "groups of commands are those that are built in"}},
    {Deniable::CommandGetKeys, {"COMMAND GETKEYS", "keys of commands are where their specifications say"}},
    {Deniable::ConfigGet, {"CONFIG GET", "it shows the proxy's own settings only"}},
    {Deniable::ConfigSet, {"CONFIG SET", "settings are not carried to nodes"}},
    {Deniable::FunctionList, {"FUNCTION LIST", "functions count as writing during CLIENT PAUSE WRITE"}},
    {Deniable::EvalRo, {"EVAL_RO", "EVAL takes its place"}},
    {Deniable::Eval, {"EVAL", "commands about whole databases are made of SCAN"}},
    {Deniable::DatabaseScripts,
     {"CLUSTER and SCAN in scripts", "commands about whole databases are made of SCAN"}},
    {Deniable::TransferScripts,
     {"DUMP and PTTL in scripts", "MOVE is refused, and COPY reads value and time to live one by one"}},
    {Deniable::InfoScripts, {"INFO in scripts", "INFO counts all keys as database 0's"}},
    {Deniable::ScriptLoad, {"SCRIPT LOAD", "EVALSHA of a script that a node lacks goes as EVAL"}},
    {Deniable::DbSize, {"DBSIZE", "it is counted by SCAN"}},
    {Deniable::Keys, {"KEYS", "it is made of SCAN"}},
    {Deniable::RandomKey, {"RANDOMKEY", "it is made of SCAN"}},
    {Deniable::Scan, {"SCAN", "commands about whole databases that need it are refused"}},
    {Deniable::Unlink, {"SCAN with UNLINK", "DEL takes its place"}},
    {Deniable::Delete, {"SCAN with DEL", "FLUSHDB of a database beside others is refused"}},
    {Deniable::Dump, {"DUMP", "MOVE, and COPY between slots, are refused"}},
    {Deniable::Restore, {"RESTORE", "MOVE, and COPY between slots, are refused"}},
    {Deniable::ClientTracking, {"CLIENT TRACKING", "it is refused to clients"}},
    {Deniable::Subscribe, {"SUBSCRIBE", "it is refused to clients"}},
    {Deniable::Monitor, {"MONITOR", "it is refused to clients"}},
}};

consteval bool factsAreInOrder() {
  for (std::size_t i = 0; i < kFacts.size(); ++i) {
    if (static_cast<std::size_t>(kFacts[i].what) != i) return false;
  }
  return true;
}
static_assert(factsAreInOrder());

constexpr std::string_view kSomeNode = "some";

std::string nameOf(const net::Address& node) {
  return node.host.empty() ? std::string(kSomeNode) : node.text();
}

std::string shortened(std::string_view error) {
  if (error.starts_with('-')) error.remove_prefix(1);
  error = error.substr(0, error.find_first_of("\r\n"));
  constexpr std::size_t kMost = 200;
  return std::string(error.substr(0, kMost));
}

}  // namespace

const DeniableFact& factOf(Deniable what) noexcept {
  return kFacts[static_cast<std::size_t>(what)].fact;
}

void Denials::note(Deniable what, const net::Address& node, std::string_view error, net::TimePoint now) {
  const std::lock_guard guard(mutex_);
  Entries& entries = entries_[what];
  const bool first = entries.empty();
  Entry& entry = entries[nameOf(node)];
  ++entry.times;
  entry.error = shortened(error);
  entry.last = now;
  denied_.fetch_or(bitOf(what), std::memory_order_relaxed);
  if (!first || voice_ == Voice::Quiet) return;
  log::warn("denied by the nodes", {{"what", factOf(what).name},
                                    {"node", nameOf(node)},
                                    {"error", entry.error},
                                    {"without", factOf(what).without}});
}

void Denials::worked(Deniable what, const net::Address& node) {
  if (!any(what)) return;
  const std::lock_guard guard(mutex_);
  forget(what, nameOf(node));
  forget(what, std::string(kSomeNode));
}

// Requires the lock.
void Denials::forget(Deniable what, const std::string& node) {
  const auto found = entries_.find(what);
  if (found == entries_.end() || found->second.erase(node) == 0 || !found->second.empty()) return;
  entries_.erase(found);
  denied_.fetch_and(~bitOf(what), std::memory_order_relaxed);
  if (voice_ == Voice::Tells) log::info("no longer denied by the nodes", {{"what", factOf(what).name}});
}

bool Denials::avoids(Deniable what, net::TimePoint now) const {
  if (!any(what)) return false;
  const std::lock_guard guard(mutex_);
  const auto found = entries_.find(what);
  return found != entries_.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const auto& entry) { return now - entry.second.last < kTryAgain; });
}

void Denials::keepOnly(const std::vector<net::Address>& nodes) {
  if (denied_.load(std::memory_order_relaxed) == 0) return;
  std::vector<std::string> names;
  for (const net::Address& node : nodes) names.push_back(node.text());
  const std::lock_guard guard(mutex_);
  std::vector<std::pair<Deniable, std::string>> gone;
  for (const auto& [what, entries] : entries_) {
    for (const auto& [node, entry] : entries) {
      if (std::find(names.begin(), names.end(), node) == names.end()) gone.emplace_back(what, node);
    }
  }
  for (const auto& [what, node] : gone) forget(what, node);
}

std::vector<Denials::Row> Denials::rows() const {
  const std::lock_guard guard(mutex_);
  std::vector<Row> rows;
  for (const auto& [what, entries] : entries_) {
    Row row;
    row.what = what;
    net::TimePoint latest{};
    for (const auto& [node, entry] : entries) {
      row.nodes.push_back(node);
      row.times += entry.times;
      if (entry.last < latest) continue;
      latest = entry.last;
      row.error = entry.error;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace slotless::telemetry
