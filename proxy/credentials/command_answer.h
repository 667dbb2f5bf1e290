// What a password-command has printed: the password in the first line, and behind it, if it wishes,
// `expires-in SECONDS` and `username NAME`, in any order.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "proxy/net/loop.h"

namespace slotless::credentials {

struct CommandAnswer {
  std::string password;
  std::optional<std::string> username;
  std::optional<net::Millis> expiresIn;
  // Why it is none, if there is something wrong; nothing of the text is in it.
  std::string error;
};

CommandAnswer parseCommandAnswer(std::string_view text);

}  // namespace slotless::credentials
