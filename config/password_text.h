// The password in the text of a file, whose only line it is.
#pragma once

#include <string>
#include <string_view>

#include "config/parsed.h"

namespace slotless::config {

// No reason ever has a part of the text in it.
Parsed<std::string> passwordIn(std::string_view text);

}  // namespace slotless::config
