// What `slotless NAME …` runs instead of the daemon: a name, a sentence for --help, and the function.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::subcommand {

// What follows the name on the command line.
using Arguments = std::vector<std::string>;

struct Subcommand {
  std::string_view name;
  std::string_view sentence;
  int (*run)(const Arguments& arguments);  // gives the process's exit code
};

// As everywhere here: what was asked is so; it is not so; what was asked makes no sense, or cannot be found
// out.
inline constexpr int kGood = 0;
inline constexpr int kBad = 1;
inline constexpr int kTrouble = 2;

// nullptr: `word` is none of them.
const Subcommand* find(std::span<const Subcommand> table, std::string_view word);
// For the end of --help.
std::string helpText(std::span<const Subcommand> table);

// Overwrites the passwords in URLs among the arguments, which every user of the machine can see.
void hideUrlPasswords(int argc, char** argv) noexcept;

}  // namespace slotless::subcommand
