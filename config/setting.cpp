#include "config/setting.h"

#include <algorithm>
#include <cctype>

#include "config/suggestion.h"

namespace slotless::config {

std::string shownName(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  const auto* const end = std::find_if_not(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
  const auto length = std::min(static_cast<std::size_t>(end - name.begin()), kLongest);
  return std::string(name.substr(0, length)) + (length < name.size() ? "..." : "");
}

void addUnknown(Settings& settings, const std::string& source, std::string_view name, std::string_view noun,
                std::string (*shownAs)(std::string_view option)) {
  const auto meant = suggestion(name);
  std::string problem = "unknown " + std::string(noun) + " \"" + shownName(name) + "\"";
  if (!meant.empty()) {
    problem += "; did you mean \"" + shownAs(meant) + "\"?";
    settings.doubtful.insert(meant);
  } else {
    problem += "; --help lists what is known";
  }
  settings.errors.push_back({source, "", problem});
}

}  // namespace slotless::config
