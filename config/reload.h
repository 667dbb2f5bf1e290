// What becomes of a configuration that has been loaded anew while another one is in force: reloadable options
// are taken over, the others wait for a restart. Decides only; applying it is the server's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/error.h"
#include "config/schema.h"

namespace slotless::config {

struct Change {
  const Option* option;
  // For the log: secrets are masked.
  std::string before;
  std::string after;
};

struct Reload {
  Config config;                    // What is to be in force; as before, if there are errors.
  std::vector<Change> changes;      // From what was in force to that.
  std::vector<Change> needRestart;  // Found, but not taken over.
  Errors errors;                    // The new values contradict old ones that need a restart.
};

Reload planReload(const Config& inForce, const Config& loaded);

}  // namespace slotless::config
