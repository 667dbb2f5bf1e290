// What a failed attempt to speak with a node means, by its words.
#pragma once
#include <string>
#include <string_view>

#include "proxy/doctor/facts.h"

namespace slotless::doctor {

// `error`: of a connection, or an error reply's line.
Contact contactOf(std::string_view error) noexcept;

}  // namespace slotless::doctor
