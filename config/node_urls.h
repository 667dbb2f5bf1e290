// URLs among the nodes of the cluster: rediss://USER:PASSWORD@HOST:PORT says more than where a node is. And
// that of sentinels, redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME, whose user and password are the
// server's.
//
// The first entry's scheme and credentials count for all of them; further ones may repeat them. Errors: as
// texts that never have a part of a URL in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/parsed.h"

namespace slotless::config {

class NodeUrls {
 public:
  // `text`: entries, separated by commas. Gives them back as addresses, and notes what else they say.
  Parsed<std::string> take(std::string_view text);
  // The same, of what may be one URL of sentinels.
  Parsed<std::string> takeServer(std::string_view text);

  // The value by the URLs that have been taken; nullopt: they have none.
  const std::optional<bool>& tls() const { return tls_; }
  const std::optional<std::string>& username() const { return username_; }
  const std::optional<std::string>& password() const { return password_; }
  const std::optional<std::string>& sentinelName() const { return sentinelName_; }

 private:
  // What is wrong, or nothing; `entry` becomes an address.
  std::string takeUrl(std::string_view url, std::string& entry);
  std::string takeCredentials(std::string_view userinfo);

  std::optional<bool> tls_;
  std::optional<std::string> username_;
  std::optional<std::string> password_;
  std::optional<std::string> sentinelName_;
};

}  // namespace slotless::config
