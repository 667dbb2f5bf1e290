#include "proxy/discovery/settings_carrier.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "proxy/discovery/reply_denials.h"

namespace slotless::discovery {

namespace {

// A server that does not tell is taken to be always the same.
constexpr std::string_view kUntold = "untold";

std::string runIdOf(const redisReply& info) {
  constexpr std::string_view kField = "\r\nrun_id:";
  if (info.type == REDIS_REPLY_ERROR || info.str == nullptr) return std::string(kUntold);
  const std::string_view text(info.str, info.len);
  const auto begin = text.find(kField);
  if (begin == std::string_view::npos) return std::string(kUntold);
  const std::string_view rest = text.substr(begin + kField.size());
  return std::string(rest.substr(0, rest.find('\r')));
}

std::string lower(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

}  // namespace

SettingsCarrier::SettingsCarrier(net::Loop& loop, CarrierSettings settings, Events events)
    : loop_(loop), settings_(std::move(settings)), events_(std::move(events)) {
  timer_ = loop_.makeTimer([this] { lookAtWanted(); });
}

SettingsCarrier::~SettingsCarrier() = default;

void SettingsCarrier::setTopology(const cluster::Topology& topology) {
  Servers present;
  for (const cluster::Node& node : topology.nodes) {
    auto known = servers_.extract(node.address);
    if (!known.empty()) {
      present.insert(std::move(known));
    } else {
      Server& joined = present[node.address];
      joined.joined = topology.version;
      joined.wanted = !values_.empty();
    }
  }
  servers_ = std::move(present);
  lookAtWanted();
}

void SettingsCarrier::remember(const std::vector<std::pair<std::string, std::string>>& pairs,
                               std::uint64_t topologyVersion) {
  for (const auto& [name, value] : pairs) values_[lower(name)] = value;
  for (auto& [address, server] : servers_) {
    if (server.query != nullptr) server.outdated = true;
    if (server.joined > topologyVersion) {
      server.runId.clear();  // it was not asked
      server.wanted = true;
    } else if (server.runId.empty() && server.query == nullptr && !server.wanted) {
      server.hasAll = true;
      server.wanted = true;
    }
  }
  lookAtWanted();
}

void SettingsCarrier::giveAll() {
  for (auto& [address, server] : servers_) {
    server.runId.clear();
    server.hasAll = false;
    server.wanted = true;
    if (server.query != nullptr) server.outdated = true;
  }
  lookAtWanted();
}

void SettingsCarrier::lookAt(const net::Address& node) {
  const auto found = servers_.find(node);
  if (found == servers_.end() || values_.empty()) return;
  found->second.wanted = true;
  look(*found);
}

void SettingsCarrier::lookAtWanted() {
  for (auto& entry : servers_) {
    if (entry.second.wanted) look(entry);
  }
}

void SettingsCarrier::look(Servers::value_type& entry) {
  Server& server = entry.second;
  if (server.query != nullptr) return;
  server.wanted = false;
  server.query = std::make_unique<NodeQuery>(
      loop_, entry.first, settings_.access, std::vector<std::vector<std::string_view>>{{"INFO", "server"}},
      settings_.queryTimeout, [this, &entry](const QueryResult& result) { onIdentity(entry, result); });
}

void SettingsCarrier::onIdentity(Servers::value_type& entry, const QueryResult& result) {
  Server& server = entry.second;
  const auto query = std::move(server.query);  // destroyed at the end of this function
  if (!result.error.empty()) return fail(entry, result.error);
  const std::string runId = runIdOf(*result.replies[0]);
  if (server.hasAll) server.runId = runId;
  server.hasAll = false;
  if (server.runId != runId) return give(entry, runId);
  server.outdated = false;
  if (server.wanted) look(entry);
}

void SettingsCarrier::give(Servers::value_type& entry, const std::string& runId) {
  std::vector<std::string> names;
  std::vector<std::vector<std::string_view>> commands;
  for (const auto& [name, value] : values_) {
    names.push_back(name);
    commands.push_back({"CONFIG", "SET", name, value});
  }
  entry.second.outdated = false;
  entry.second.query =
      std::make_unique<NodeQuery>(loop_, entry.first, settings_.access, commands, settings_.queryTimeout,
                                  [this, &entry, runId, names = std::move(names)](const QueryResult& result) {
                                    onGiven(entry, runId, names, result);
                                  });
}

void SettingsCarrier::onGiven(Servers::value_type& entry, const std::string& runId,
                              const std::vector<std::string>& names, const QueryResult& result) {
  Server& server = entry.second;
  const auto query = std::move(server.query);
  if (!result.error.empty()) return fail(entry, result.error);
  std::size_t taken = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const redisReply& reply = *result.replies[i];
    noteIfDenied(settings_.access.denials, telemetry::Deniable::ConfigSet, entry.first, reply, loop_.now());
    if (reply.type == REDIS_REPLY_ERROR) {
      events_.refused(entry.first, names[i], std::string(reply.str, reply.len));
    } else {
      ++taken;
    }
  }
  server.runId = runId;
  events_.carried(entry.first, taken);
  if (server.outdated) {
    server.runId.clear();
    server.wanted = true;
  }
  if (server.wanted) look(entry);
}

void SettingsCarrier::fail(Servers::value_type& entry, const std::string& error) {
  entry.second.wanted = true;
  events_.failed(entry.first, error);
  if (!timer_->active()) timer_->start(settings_.retryPause);
}

}  // namespace slotless::discovery
