// What is known of one client at one moment, as CLIENT LIST and PROXY CLIENTS show it. Plain values: it may
// go from thread to thread. Source of the line's format: Redis 7.0 CLIENT LIST, with lib-name and lib-ver of
// Redis 7.2; what newer servers have in it: Redis 8.0, Valkey 8.1.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/argv.h"

namespace slotless::session {

struct ServerManners;

enum class ClientType : std::uint8_t { Normal, Master, Replica, PubSub };

struct ClientFacts {
  std::uint64_t id = 0;
  ClientType type = ClientType::Normal;
  std::string address;
  std::string host;  // of it
  std::string localAddress;
  int descriptor = -1;
  std::string name;
  std::uint32_t database = 0;
  std::int64_t ageSeconds = 0;
  std::int64_t idleSeconds = 0;
  std::string flags;
  std::size_t channels = 0;
  std::size_t patterns = 0;
  std::size_t shardChannels = 0;
  std::int64_t queued = -1;  // since MULTI; -1: no transaction
  std::size_t queuedBytes = 0;
  std::size_t inputBytes = 0;
  std::size_t inputRoom = 0;
  std::size_t outputBytes = 0;
  std::size_t memoryBytes = 0;  // all of it
  std::string events;
  std::string_view command;  // of the process's command names, which never go
  std::string user;
  int protocol = 2;
  std::int64_t redirection = -1;  // 0: CLIENT TRACKING is on, and its own connection is told
  std::string libraryName;
  std::string encryption;  // "TLSv1.3/TLS_AES_256_GCM_SHA384"; empty: none
  std::string libraryVersion;
  std::string capabilities;
  std::size_t watchedKeys = 0;
  std::uint64_t bytesReceived = 0;
  std::uint64_t bytesSent = 0;
  std::uint64_t commands = 0;
  // For the console.
  std::size_t pending = 0;
  std::size_t held = 0;
  std::size_t worker = 0;
};

// As bytes: the request with which a client asks counts as its input, as in Redis.
std::size_t sizeOf(protocol::Argv request);
// With the fields that the servers show. Ends with a line feed.
void appendClientLine(std::string& out, const ClientFacts& facts, const ServerManners& manners);

}  // namespace slotless::session
