// What must hold between options, once each of them is valid by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace slotless::config {

struct Conflict {
  std::vector<std::string_view>
      options;  // The first is the one to name; if any is in doubt, so is the conflict.
  std::string problem;
};

std::vector<Conflict> conflicts(const Config& config);

// What is allowed but worth a line in the log at start: doors that stand open.
std::vector<std::string> warnings(const Config& config);

}  // namespace slotless::config
