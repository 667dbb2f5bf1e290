#include "proxy/discovery/server_build.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "proxy/upstream/reply_view.h"

namespace slotless::discovery {

using upstream::textOf;
using upstream::valueOf;

namespace {

cluster::ServerModule moduleOf(const redisReply& pairs) {
  cluster::ServerModule module;
  module.name = textOf(valueOf(&pairs, "name"));
  module.path = textOf(valueOf(&pairs, "path"));
  const redisReply* version = valueOf(&pairs, "ver");
  if (version != nullptr && version->type == REDIS_REPLY_INTEGER) module.version = version->integer;
  const redisReply* arguments = valueOf(&pairs, "args");
  if (arguments == nullptr || arguments->type != REDIS_REPLY_ARRAY) return module;
  for (std::size_t i = 0; i < arguments->elements; ++i)
    module.arguments.emplace_back(textOf(arguments->element[i]));
  return module;
}

std::string_view fieldOf(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find("\r\n", at), info.size());
    const std::string_view line = info.substr(at, end - at);
    if (line.starts_with(name)) return line.substr(name.size());
    at = end + 2;
  }
  return {};
}

std::vector<std::uint32_t> numbersOf(std::string_view version) {
  std::vector<std::uint32_t> numbers;
  while (!version.empty()) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
    if (error != std::errc{}) break;
    numbers.push_back(number);
    version.remove_prefix(static_cast<std::size_t>(end - version.data()));
    if (!version.starts_with('.')) break;
    version.remove_prefix(1);
  }
  return numbers;
}

}  // namespace

Announcement parseAnnouncement(const redisReply& hello) {
  Announcement said;
  said.name = textOf(valueOf(&hello, "server"));
  said.version = textOf(valueOf(&hello, "version"));
  const redisReply* modules = valueOf(&hello, "modules");
  if (modules == nullptr || modules->type != REDIS_REPLY_ARRAY) return said;
  for (std::size_t i = 0; i < modules->elements; ++i) said.modules.push_back(moduleOf(*modules->element[i]));
  std::sort(said.modules.begin(), said.modules.end());
  return said;
}

std::string ServerBuild::text() const {
  std::string text = product.empty() ? "unknown" : product;
  for (std::size_t i = 0; i < version.size(); ++i) text += (i == 0 ? ' ' : '.') + std::to_string(version[i]);
  return text;
}

ServerBuild parseBuild(const redisReply& info, const redisReply& commandCount, const redisReply& hello) {
  ServerBuild build;
  build.announced = parseAnnouncement(hello);
  if (info.type != REDIS_REPLY_ERROR && info.str != nullptr) {
    const std::string_view text(info.str, info.len);
    const std::string_view valkey = fieldOf(text, "valkey_version:");
    build.product = valkey.empty() ? "redis" : "valkey";
    build.version = numbersOf(valkey.empty() ? fieldOf(text, "redis_version:") : valkey);
  }
  if (commandCount.type == REDIS_REPLY_INTEGER) build.commandCount = commandCount.integer;
  return build;
}

cluster::ServerIdentity identityOf(const std::set<ServerBuild>& builds) {
  if (builds.empty()) return {};
  const ServerBuild& oldest = *builds.begin();
  cluster::ServerIdentity identity{oldest.product, oldest.version, oldest.announced.name,
                                   oldest.announced.version, oldest.announced.modules};
  for (const ServerBuild& build : builds) {
    std::erase_if(identity.modules, [&](const cluster::ServerModule& module) {
      const auto& others = build.announced.modules;
      return std::none_of(others.begin(), others.end(),
                          [&](const cluster::ServerModule& other) { return other.name == module.name; });
    });
  }
  return identity;
}

}  // namespace slotless::discovery
