#include "protocol/denial.h"

#include <algorithm>
#include <array>

#include "protocol/ascii.h"

namespace slotless::protocol {

namespace {

// Somewhere in the line; by lower and upper case alike, since versions differ in it.
constexpr std::array<std::string_view, 10> kPhrases = {
    "unknown command",
    "unknown subcommand",
    "unknown redis command called from script",
    "unknown valkey command called from script",
    "no permissions to",
    "can't run this command or subcommand",
    "command is not allowed",
    "command not allowed from",
    "command is disabled",
    "command not supported",
};

constexpr std::array<std::string_view, 4> kFromScripts = {
    "from script",
    "the user executing the script",
    "acl failure in script",
    " script: ",
};

bool contains(std::string_view text, std::string_view phrase) noexcept {
  return std::search(text.begin(), text.end(), phrase.begin(), phrase.end(),
                     [](char a, char b) { return lowerAscii(a) == b; }) != text.end();
}

}  // namespace

bool isDenial(std::string_view line) noexcept {
  if (line.starts_with('-')) line.remove_prefix(1);
  // The second is Redis Enterprise's.
  if (line.starts_with("NOPERM ") || line.starts_with("ERR not allowed")) return true;
  if (isDenialInScript(line)) return true;
  if (!line.starts_with("ERR ")) return false;
  return std::any_of(kPhrases.begin(), kPhrases.end(),
                     [&](std::string_view phrase) { return contains(line, phrase); });
}

bool isDenialInScript(std::string_view line) noexcept {
  const bool fromScript = std::any_of(kFromScripts.begin(), kFromScripts.end(),
                                      [&](std::string_view phrase) { return contains(line, phrase); });
  if (!fromScript) return false;
  return contains(line, "noperm") ||
         std::any_of(kPhrases.begin(), kPhrases.end(),
                     [&](std::string_view phrase) { return contains(line, phrase); });
}

}  // namespace slotless::protocol
