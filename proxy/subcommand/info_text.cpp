#include "proxy/subcommand/info_text.h"

#include <algorithm>
#include <charconv>

#include "protocol/lines.h"

namespace slotless::subcommand {

namespace {

std::int64_t numberIn(std::string_view text) noexcept {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

InfoText::InfoText(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = protocol::takeLine(text);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && !line.starts_with('#'))
      lines_.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
}

std::string_view InfoText::value(std::string_view name) const noexcept {
  const auto found =
      std::find_if(lines_.begin(), lines_.end(), [&](const auto& line) { return line.first == name; });
  return found == lines_.end() ? std::string_view() : std::string_view(found->second);
}

std::int64_t InfoText::number(std::string_view name) const noexcept {
  return numberIn(value(name));
}

std::int64_t infoField(std::string_view value, std::string_view field) noexcept {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(','), value.size());
    const std::string_view each = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    const std::size_t equals = each.find('=');
    if (equals != std::string_view::npos && each.substr(0, equals) == field)
      return numberIn(each.substr(equals + 1));
  }
  return 0;
}

std::map<std::uint32_t, std::uint64_t> databasesIn(std::string_view info) {
  std::map<std::uint32_t, std::uint64_t> found;
  const InfoText text(info);
  for (const auto& [name, value] : text.lines()) {
    if (!name.starts_with("db")) continue;
    std::uint32_t index = 0;
    const auto parsed = std::from_chars(name.data() + 2, name.data() + name.size(), index);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
    found[index] = static_cast<std::uint64_t>(infoField(value, "keys"));
  }
  return found;
}

}  // namespace slotless::subcommand
