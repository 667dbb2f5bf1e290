// CONFIG SET of what is the proxy's own, in Redis's names and words: which of its options that changes, and
// whether the nodes are to have it, too. What would be taken without an effect is refused.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace slotless::session {

struct OwnChange {
  // Names of options and their values, as the configuration has them.
  std::vector<std::pair<std::string, std::string>> options;
  // For the nodes; nullopt: they hear nothing of it.
  std::optional<std::string> forNodes;
  std::string refusal;  // why it is not done, or empty
  // One Redis takes it: with the value that there is already it is not refused.
  bool mayStay = false;
};

// nullopt: the setting is the nodes' alone. `config`: what is in force.
std::optional<OwnChange> ownChange(const config::Config& config, std::string_view name,
                                   std::string_view value);

// `config` with the options changed. `problem`: what is wrong with them, or empty.
config::Config changed(const config::Config& config,
                       const std::vector<std::pair<std::string, std::string>>& options, std::string& problem);

// client-output-buffer-limit as the proxy keeps it; for replicas as the nodes do, whose text it is given.
std::string outputLimitsText(const config::Config& config, std::string_view nodes);

}  // namespace slotless::session
