#include "proxy/discovery/server_role.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "protocol/lines.h"
#include "protocol/strict_integer.h"
#include "proxy/upstream/reply_view.h"

namespace slotless::discovery {

using upstream::textOf;

namespace {

// More than a master can serve; who says more makes no sense.
constexpr std::size_t kMostFollowers = 1024;

// What stands behind "name=" in a line as "ip=10.0.0.1,port=6379,state=online,offset=14,lag=1".
std::string_view partOf(std::string_view line, std::string_view name) {
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(','), line.size());
    const std::string_view part = line.substr(0, end);
    if (part.starts_with(name) && part.size() > name.size() && part[name.size()] == '=')
      return part.substr(name.size() + 1);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return {};
}

std::optional<ServerRole> roleByInfo(std::string_view text, const cluster::AddressMap& map) {
  const std::string_view word = infoField(text, "role");
  if (word != "master" && word != "slave") return std::nullopt;
  ServerRole role;
  role.master = word == "master";
  if (!role.master) {
    role.followed = toldAddress(infoField(text, "master_host"), infoField(text, "master_port"), map);
    return role;
  }
  for (std::size_t i = 0; i < kMostFollowers; ++i) {
    const std::string_view line = infoField(text, "slave" + std::to_string(i));
    if (line.empty()) break;
    if (const auto address = toldAddress(partOf(line, "ip"), partOf(line, "port"), map))
      role.followers.push_back({*address, partOf(line, "state") == "online"});
  }
  return role;
}

std::optional<ServerRole> roleByRole(const redisReply& reply, const cluster::AddressMap& map) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 3) return std::nullopt;
  const std::span<redisReply* const> elements(reply.element, reply.elements);
  const std::string_view word = textOf(elements[0]);
  ServerRole role;
  if (word == "slave" && elements[2]->type == REDIS_REPLY_INTEGER) {
    role.followed = toldAddress(textOf(elements[1]), std::to_string(elements[2]->integer), map);
    return role;
  }
  if (word != "master" || elements[2]->type != REDIS_REPLY_ARRAY) return std::nullopt;
  role.master = true;
  const std::span<redisReply* const> rows(elements[2]->element,
                                          std::min(elements[2]->elements, kMostFollowers));
  for (const redisReply* row : rows) {
    if (row->type != REDIS_REPLY_ARRAY || row->elements < 2) continue;
    if (const auto address = toldAddress(textOf(row->element[0]), textOf(row->element[1]), map))
      role.followers.push_back({*address, true});
  }
  return role;
}

}  // namespace

std::string_view infoField(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = protocol::takeLine(text);
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':')
      return line.substr(name.size() + 1);
  }
  return {};
}

std::optional<net::Address> toldAddress(std::string_view host, std::string_view port,
                                        const cluster::AddressMap& map) {
  const auto number = protocol::strictInteger(port);
  if (host.empty() || host == "?" || !number || *number <= 0 || *number > 65535) return std::nullopt;
  return map.translate({std::string(host), static_cast<std::uint16_t>(*number)});
}

std::optional<ServerRole> parseServerRole(const redisReply& infoReplication, const redisReply& role,
                                          const cluster::AddressMap& map) {
  if (auto found = roleByInfo(textOf(&infoReplication), map)) return found;
  return roleByRole(role, map);
}

}  // namespace slotless::discovery
