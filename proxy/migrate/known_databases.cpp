#include "proxy/migrate/known_databases.h"

#include <charconv>

#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

std::map<std::uint32_t, std::uint64_t> databasesIn(std::string_view info) {
  std::map<std::uint32_t, std::uint64_t> found;
  const subcommand::InfoText text(info);
  for (const auto& [name, value] : text.lines()) {
    if (!name.starts_with("db")) continue;
    std::uint32_t index = 0;
    const auto parsed = std::from_chars(name.data() + 2, name.data() + name.size(), index);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
    found[index] = static_cast<std::uint64_t>(subcommand::infoField(value, "keys"));
  }
  return found;
}

}  // namespace slotless::migrate
