// Where a server is and who asks it: redis[s]://USER:PASSWORD@HOST:PORT/DATABASE, or HOST:PORT alone.
//
// Errors: as texts that never have a part of the URL in them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/parsed.h"

namespace slotless::subcommand {

struct ServerUrl {
  std::string host;
  std::uint16_t port = 6379;
  bool tls = false;
  std::string username = {};  // empty: the default user
  std::string password = {};  // empty: none
  std::uint32_t database = 0;

  // For people: without the password.
  std::string shown() const;
  // The same access to another node.
  ServerUrl at(std::string_view otherHost, std::uint16_t otherPort) const;
};

config::Parsed<ServerUrl> parseServerUrl(std::string_view text);
// Separated by commas; the first one's scheme and credentials are those of entries that have none.
config::Parsed<std::vector<ServerUrl>> parseServerUrls(std::string_view text);

// The nodes of a daemon's configuration, with its credentials.
std::vector<ServerUrl> clusterUrls(const config::Config& config);

}  // namespace slotless::subcommand
