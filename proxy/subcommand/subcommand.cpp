#include "proxy/subcommand/subcommand.h"

#include <algorithm>
#include <cstring>

namespace slotless::subcommand {

namespace {

// In a list of URLs each one has a password.
void hidePasswords(char* word) noexcept {
  char* scheme = std::strstr(word, "://");
  while (scheme != nullptr) {
    char* const begin = scheme + 3;
    char* const next = std::strstr(begin, "://");
    const char* const stop = next == nullptr ? begin + std::strlen(begin) : next;
    char* at = nullptr;
    for (char* each = begin; each != stop; ++each) {
      if (*each == '@') at = each;
    }
    if (at != nullptr) std::fill(begin, at, 'x');
    scheme = next;
  }
}

}  // namespace

const Subcommand* find(std::span<const Subcommand> table, std::string_view word) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Subcommand& each) { return each.name == word; });
  return found == table.end() ? nullptr : &*found;
}

std::string helpText(std::span<const Subcommand> table) {
  std::string text = "\nInstead of the daemon, with `slotless NAME --help` for more:\n";
  for (const Subcommand& each : table)
    text.append("  ").append(each.name).append("\n      ").append(each.sentence).append("\n");
  return text;
}

void hideUrlPasswords(int argc, char** argv) noexcept {
  for (int i = 1; i < argc; ++i) hidePasswords(argv[i]);
}

}  // namespace slotless::subcommand
