#include "config/suggestion.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "config/schema.h"

namespace slotless::config {

namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::string_view kOptionPrefix = "slotless-";  // As environment variables have it.

std::string normalized(std::string_view name) {
  std::string result;
  for (const char c : name) {
    result += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
std::size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> beforeLast;
  std::vector<std::size_t> last;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    beforeLast = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], beforeLast[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view suggestion(std::string_view wrongName) {
  if (wrongName.size() > kLongestName) return {};
  std::string wrong = normalized(wrongName);
  if (wrong.starts_with(kOptionPrefix)) wrong.erase(0, kOptionPrefix.size());
  std::string_view best;
  // A third of the letters may be wrong, and one always.
  std::size_t bestDistance = std::max<std::size_t>(1, wrong.size() / 3) + 1;
  const auto consider = [&](std::string_view candidate, std::string_view name) {
    const auto distance = editDistance(wrong, candidate);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = name;
    }
  };
  for (const auto& option : schema()) {
    consider(option.name, option.name);
    if (!option.redisName.empty()) consider(option.redisName, option.name);
  }
  return best;
}

}  // namespace slotless::config
