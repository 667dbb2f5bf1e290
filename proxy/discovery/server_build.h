// What tells one kind of server from another: its version, what it calls itself, how many commands it has.
#pragma once
#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "proxy/cluster/server_identity.h"

struct redisReply;

namespace slotless::discovery {

// Nothing of it is filled in where the reply is an error, or of another shape.
struct Announcement {
  std::string name;
  std::string version;
  std::vector<cluster::ServerModule> modules;

  auto operator<=>(const Announcement&) const = default;
};

// Servers with the same build are taken to know the same commands.
struct ServerBuild {
  std::vector<std::uint32_t> version;  // 7.0.15 → {7, 0, 15}; empty: INFO was refused
  std::string product;                 // "redis", "valkey"
  std::int64_t commandCount = -1;      // COMMAND COUNT; -1: refused
  Announcement announced;              // HELLO; empty: refused, or a server before 6.0

  auto operator<=>(const ServerBuild&) const = default;
  std::string text() const;
};

// From the replies to INFO server, COMMAND COUNT and HELLO.
ServerBuild parseBuild(const redisReply& info, const redisReply& commandCount, const redisReply& hello);

// The reply to HELLO in RESP2.
Announcement parseAnnouncement(const redisReply& hello);

// Where the masters differ: the oldest of them, with the modules that all have.
cluster::ServerIdentity identityOf(const std::set<ServerBuild>& builds);

}  // namespace slotless::discovery
