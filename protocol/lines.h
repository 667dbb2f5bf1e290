// Takes a text apart into its lines.
#pragma once
#include <algorithm>
#include <string_view>

namespace slotless::protocol {

// The first line of the text, without its end (LF or CR LF), which is taken off as well; the rest stays.
inline std::string_view takeLine(std::string_view& text) noexcept {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace slotless::protocol
