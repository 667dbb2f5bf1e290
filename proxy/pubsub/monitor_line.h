// A line of MONITOR as one Redis with several databases would write it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "proxy/databases/database.h"

namespace slotless::pubsub {

// A node writes `[0 addr] "set" "~1{tag}key"`, and one Redis `[1 addr] "set" "key"`. The first argument that
// begins with a database's prefix decides; which arguments are keys is not asked, so a value that begins so
// loses it, too. Scripts are shown as the client has sent them; what they run is shown as it is run. nullopt:
// the line is right as it is.
std::optional<std::string> translateLine(const databases::Databases& databases, std::string_view line);

}  // namespace slotless::pubsub
