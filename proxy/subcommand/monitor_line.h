// A line of MONITOR: who has asked what, and where. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::subcommand {

struct SeenCommand {
  std::uint32_t database = 0;
  std::string client;  // its address; "lua" for what a script calls
  std::vector<std::string> words;
};
// nullopt: it is none. What MONITOR writes as \xNN, \n and the like are the bytes again.
std::optional<SeenCommand> parseMonitorLine(std::string_view line);
// One word in quotes, as they stand there; moves `text` behind it. nullopt: there is none.
std::optional<std::string> quotedWord(std::string_view& text);

}  // namespace slotless::subcommand
