// Blanks off, and ASCII letters lowered, without regard to the locale.
#pragma once

#include <string>
#include <string_view>

namespace slotless::config {

std::string_view trimmed(std::string_view text) noexcept;
std::string lowered(std::string_view text);

}  // namespace slotless::config
