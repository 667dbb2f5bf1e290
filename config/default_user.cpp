#include "config/default_user.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>
#include <string_view>

#include "config/spelling.h"

namespace slotless::config {

namespace {

struct Door {
  bool on = false;
  bool withoutPassword = false;
};

// Words that open or close it; a password closes it, too.
struct DoorWord {
  std::string_view word;
  void (*apply)(Door&);
};
constexpr DoorWord kWords[] = {
    {"on", [](Door& door) { door.on = true; }},
    {"off", [](Door& door) { door.on = false; }},
    {"nopass", [](Door& door) { door.withoutPassword = true; }},
    {"resetpass", [](Door& door) { door.withoutPassword = false; }},
    {"reset", [](Door& door) { door = {}; }},
};

}  // namespace

bool defaultUserIsOpen(const std::vector<std::string>& lines, bool otherwise) {
  for (const std::string& line : lines) {
    std::istringstream words(line);
    std::string word;
    if (!(words >> word) || word != "user" || !(words >> word) || word != "default") continue;
    Door door;
    while (words >> word) {
      const std::string name = lowered(word);
      const auto* const found = std::find_if(std::begin(kWords), std::end(kWords),
                                             [&](const DoorWord& each) { return each.word == name; });
      if (found != std::end(kWords)) found->apply(door);
      if (word.front() == '>' || word.front() == '#') door.withoutPassword = false;
    }
    return door.on && door.withoutPassword;
  }
  return otherwise;
}

}  // namespace slotless::config
