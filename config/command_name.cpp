#include "config/command_name.h"

#include <algorithm>
#include <cctype>

#include "config/spelling.h"

namespace slotless::config {

namespace {

bool isName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != ',' && c != '+' && c != '&' && c != '=' && c != '|' && c != '@';
  });
}

}  // namespace

Parsed<std::string> parseCommandName(std::string_view text) {
  const bool isCategory = text.starts_with('@');
  const std::string_view name = text.substr(isCategory ? 1 : 0);
  const auto bar = name.find('|');
  const bool good = bar == std::string_view::npos
                        ? isName(name)
                        : !isCategory && isName(name.substr(0, bar)) && isName(name.substr(bar + 1));
  if (!good) return {{}, "it is no name of a command or category"};
  return {lowered(text), ""};
}

Parsed<std::string> parseRename(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return {{}, "the = is missing"};
  const std::string_view other = text.substr(equals + 1);
  if (!isName(text.substr(0, equals))) return {{}, "before the = there must be the name of a command"};
  if (!other.empty() && !isName(other)) return {{}, "after the = there must be a name, or nothing"};
  return {lowered(text), ""};
}

}  // namespace slotless::config
