// "Did you mean": the known option that a wrong name most probably stands for.
#pragma once

#include <string_view>

namespace slotless::config {

// Option names and redis.conf's names are compared without regard to case, and `_` counts as `-`.
// Empty if nothing is near. The result is an option's name and lives as long as the program.
std::string_view suggestion(std::string_view wrongName);

}  // namespace slotless::config
