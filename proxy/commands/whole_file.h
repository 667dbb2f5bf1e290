// Replaces a file by another one as a whole: whoever reads it sees all of the old or all of the new text,
// also after a crash. Blocks; readable by the owner alone.
#pragma once
#include <string>
#include <string_view>

namespace slotless::session {

// What is wrong, or nothing.
std::string writeWhole(const std::string& path, std::string_view text);

}  // namespace slotless::session
