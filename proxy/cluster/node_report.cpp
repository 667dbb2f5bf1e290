#include "proxy/cluster/node_report.h"

#include <algorithm>
#include <charconv>

#include "protocol/lines.h"

namespace slotless::cluster {

namespace {

template <typename Number>
std::optional<Number> numberOf(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

struct NumberRow {
  std::string_view field;
  std::optional<std::uint64_t> NodeReport::*member;
};
constexpr NumberRow kNumbers[] = {{"used_memory", &NodeReport::memoryBytes},
                                  {"maxmemory", &NodeReport::memoryLimitBytes},
                                  {"connected_clients", &NodeReport::clients},
                                  {"maxclients", &NodeReport::clientLimit},
                                  {"instantaneous_ops_per_sec", &NodeReport::requestsPerSecond},
                                  {"evicted_keys", &NodeReport::evictedKeys},
                                  {"connected_slaves", &NodeReport::replicas}};

struct SignedRow {
  std::string_view field;
  std::optional<std::int64_t> NodeReport::*member;
};
constexpr SignedRow kSigned[] = {{"uptime_in_seconds", &NodeReport::uptimeSeconds},
                                 {"master_last_io_seconds_ago", &NodeReport::masterSilentSeconds}};

struct TextRow {
  std::string_view field;
  std::string NodeReport::*member;
};
constexpr TextRow kTexts[] = {{"role", &NodeReport::role},
                              {"maxmemory_policy", &NodeReport::evictionPolicy},
                              {"master_link_status", &NodeReport::masterLink}};

// "keys=3,expires=1,avg_ttl=0" of any database: a server of its own may have several.
void addKeys(NodeReport& report, std::string_view counts) {
  const auto part = [&](std::string_view name) {
    const std::size_t at = counts.find(name);
    return at == std::string_view::npos
               ? 0
               : numberOf<std::uint64_t>(counts.substr(at + name.size())).value_or(0);
  };
  report.keys = report.keys.value_or(0) + part("keys=");
  report.keysWithExpiry = report.keysWithExpiry.value_or(0) + part("expires=");
}

struct Versions {
  std::string_view name = "redis";
  std::string_view own;
  std::string_view compatible;
  std::optional<std::uint64_t> sent;
  std::optional<std::uint64_t> received;
};

void takeLine(NodeReport& report, Versions& found, std::string_view field, std::string_view value) {
  for (const NumberRow& row : kNumbers) {
    if (field == row.field) report.*row.member = numberOf<std::uint64_t>(value);
  }
  for (const SignedRow& row : kSigned) {
    if (field == row.field) report.*row.member = numberOf<std::int64_t>(value);
  }
  for (const TextRow& row : kTexts) {
    if (field == row.field) report.*row.member = value;
  }
  if (field == "redis_version") found.compatible = value;
  if (field == "server_name") found.name = value;
  if (field == "valkey_version") found.own = value;
  if (field == "master_repl_offset") found.sent = numberOf<std::uint64_t>(value);
  if (field == "slave_repl_offset") found.received = numberOf<std::uint64_t>(value);
  if (field == "loading") report.loading = value != "0";
  if (field.starts_with("db") && value.starts_with("keys=")) addKeys(report, value);
}

bool isOpenSlot(std::string_view word, OpenSlot& open) {
  if (!word.starts_with('[') || !word.ends_with(']')) return false;
  word = word.substr(1, word.size() - 2);
  const std::size_t dash = word.find('-');
  const auto slot = numberOf<protocol::Slot>(word.substr(0, std::min(dash, word.size())));
  if (!slot || dash == std::string_view::npos) return false;
  const std::string_view direction = word.substr(dash, 3);
  if (direction != "->-" && direction != "-<-") return false;
  open = {*slot, direction == "->-", std::string(word.substr(dash + 3))};
  return true;
}

}  // namespace

void takeInfo(NodeReport& report, std::string_view info) {
  report.keys = 0;  // who has none does not say so
  report.keysWithExpiry = 0;
  Versions found;
  while (!info.empty()) {
    const std::string_view line = protocol::takeLine(info);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos)
      takeLine(report, found, line.substr(0, colon), line.substr(colon + 1));
  }
  const std::string_view version = found.own.empty() ? found.compatible : found.own;
  report.server = version.empty() ? std::string() : std::string(found.name) + " " + std::string(version);
  report.replicationOffset = report.role == "slave" ? found.received : found.sent;
}

std::vector<OpenSlot> openSlotsIn(std::string_view nodes) {
  std::vector<OpenSlot> slots;
  const std::size_t own = nodes.find("myself");
  if (own == std::string_view::npos) return slots;
  std::string_view line = nodes.substr(own);
  line = line.substr(0, line.find('\n'));
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    OpenSlot open;
    if (isOpenSlot(line.substr(0, end), open)) slots.push_back(std::move(open));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return slots;
}

}  // namespace slotless::cluster
