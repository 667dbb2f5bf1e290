// What the servers say of themselves in HELLO: the proxy says the same of itself to its clients.
#pragma once
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

struct redisReply;

namespace slotless::cluster {

struct ServerBuild;

struct ServerModule {
  std::string name;
  std::int64_t version = 0;
  std::string path;
  std::vector<std::string> arguments;

  auto operator<=>(const ServerModule&) const = default;
};

struct ServerIdentity {
  std::string product;                 // "redis", "valkey"; empty: not known
  std::vector<std::uint32_t> version;  // 8.1.1 → {8, 1, 1}
  std::string announcedName;           // HELLO's; empty: not known …
  std::string announcedVersion;        // … in either field
  std::vector<ServerModule> modules;

  bool isAtLeast(std::string_view ofProduct, std::initializer_list<std::uint32_t> ofVersion) const;
};

// Nothing of it is filled in where the reply is an error, or of another shape.
struct Announcement {
  std::string name;
  std::string version;
  std::vector<ServerModule> modules;

  auto operator<=>(const Announcement&) const = default;
};
// The reply to HELLO in RESP2.
Announcement parseAnnouncement(const redisReply& hello);

// Where the masters differ: the oldest of them, with the modules that all have.
ServerIdentity identityOf(const std::set<ServerBuild>& builds);

}  // namespace slotless::cluster
