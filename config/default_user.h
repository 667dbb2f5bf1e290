// Whether the default user of Redis's ACL language lets in whoever connects. What the rules mean otherwise is
// not this room's.
#pragma once

#include <string>
#include <vector>

namespace slotless::config {

// `otherwise`: what holds if the lines do not name the default user.
bool defaultUserIsOpen(const std::vector<std::string>& lines, bool otherwise);

}  // namespace slotless::config
