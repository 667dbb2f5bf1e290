#include "proxy/cluster/server_identity.h"

#include <hiredis/hiredis.h>

#include <algorithm>

#include "proxy/cluster/command_learner.h"

namespace slotless::cluster {

namespace {

std::string_view textOf(const redisReply& reply) {
  const bool isText = reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS;
  return isText ? std::string_view(reply.str, reply.len) : std::string_view();
}

// Of a map that RESP2 shows as a list; nullptr: it is not there.
const redisReply* valueOf(const redisReply& pairs, std::string_view key) {
  if (pairs.type != REDIS_REPLY_ARRAY) return nullptr;
  for (std::size_t i = 0; i + 1 < pairs.elements; i += 2) {
    if (textOf(*pairs.element[i]) == key) return pairs.element[i + 1];
  }
  return nullptr;
}

std::string textIn(const redisReply& pairs, std::string_view key) {
  const redisReply* value = valueOf(pairs, key);
  return value == nullptr ? std::string() : std::string(textOf(*value));
}

ServerModule moduleOf(const redisReply& pairs) {
  ServerModule module;
  module.name = textIn(pairs, "name");
  module.path = textIn(pairs, "path");
  const redisReply* version = valueOf(pairs, "ver");
  if (version != nullptr && version->type == REDIS_REPLY_INTEGER) module.version = version->integer;
  const redisReply* arguments = valueOf(pairs, "args");
  if (arguments == nullptr || arguments->type != REDIS_REPLY_ARRAY) return module;
  for (std::size_t i = 0; i < arguments->elements; ++i)
    module.arguments.emplace_back(textOf(*arguments->element[i]));
  return module;
}

}  // namespace

Announcement parseAnnouncement(const redisReply& hello) {
  Announcement said;
  said.name = textIn(hello, "server");
  said.version = textIn(hello, "version");
  const redisReply* modules = valueOf(hello, "modules");
  if (modules == nullptr || modules->type != REDIS_REPLY_ARRAY) return said;
  for (std::size_t i = 0; i < modules->elements; ++i) said.modules.push_back(moduleOf(*modules->element[i]));
  std::sort(said.modules.begin(), said.modules.end());
  return said;
}

bool ServerIdentity::isAtLeast(std::string_view ofProduct,
                               std::initializer_list<std::uint32_t> ofVersion) const {
  return product == ofProduct && std::lexicographical_compare_three_way(
                                     version.begin(), version.end(), ofVersion.begin(), ofVersion.end()) >= 0;
}

ServerIdentity identityOf(const std::set<ServerBuild>& builds) {
  if (builds.empty()) return {};
  const ServerBuild& oldest = *builds.begin();
  ServerIdentity identity{oldest.product, oldest.version, oldest.announced.name, oldest.announced.version,
                          oldest.announced.modules};
  for (const ServerBuild& build : builds) {
    std::erase_if(identity.modules, [&](const ServerModule& module) {
      const auto& others = build.announced.modules;
      return std::none_of(others.begin(), others.end(),
                          [&](const ServerModule& other) { return other.name == module.name; });
    });
  }
  return identity;
}

}  // namespace slotless::cluster
