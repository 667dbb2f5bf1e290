// Accounts of administrators that need no password.
#pragma once
#include <string>
#include <vector>

#include "config/config.h"

namespace slotless::server {

struct OpenAdministrator {
  std::string name;
  bool ofPage = false;  // of admin-users; else of clients

  std::string text() const;
};

// Those that are switched on. Lines that make no sense are none.
std::vector<OpenAdministrator> openAdministrators(const config::Config& config);

}  // namespace slotless::server
