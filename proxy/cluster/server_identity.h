// What the servers say of themselves in HELLO: the proxy says the same of itself to its clients.
#pragma once
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::cluster {

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

}  // namespace slotless::cluster
