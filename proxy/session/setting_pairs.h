// Settings as CONFIG SET has them.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace slotless::session {

// Name and value, as they were given.
using SettingPairs = std::vector<std::pair<std::string, std::string>>;

}  // namespace slotless::session
