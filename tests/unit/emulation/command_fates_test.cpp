#include "proxy/emulation/command_fates.h"

#include <fstream>
#include <sstream>

#include "catch.h"
#include "protocol/command_table.h"

using namespace slotless::session;

TEST_CASE("docs/compatibility.md has the table that --print-command-table prints") {
  const std::ifstream file(SLOTLESS_DOCS "/compatibility.md");
  REQUIRE(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  const std::string page = text.str();
  const std::string begin = "<!-- Generated: do not edit. `slotless --print-command-table` -->\n\n";
  const std::size_t at = page.find(begin);
  REQUIRE(at != std::string::npos);
  const std::size_t end = page.find("\n\n", at + begin.size());
  CHECK((page.substr(at + begin.size(), end + 1 - at - begin.size()) == commandFateTable()));
}

TEST_CASE("each command is in the table once, by its own name or its container's") {
  const std::string table = commandFateTable();
  const auto upper = [](std::string_view name) {
    std::string words;
    for (const char c : name)
      words += c == '|' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return words;
  };
  const auto count = [&](const std::string& words) {
    std::size_t found = 0;
    for (std::size_t at = table.find(words); at != std::string::npos; at = table.find(words, at + 1)) ++found;
    return found;
  };
  for (const auto& spec : slotless::protocol::CommandTable::builtIn()->commands()) {
    INFO(spec.name);
    if (spec.subcommands.empty()) CHECK(count(" `" + upper(spec.name) + "` ") == 1);
    for (const auto& sub : spec.subcommands) {
      INFO(sub.name);
      CHECK(count(" `" + upper(sub.name) + "` ") + count(" `" + upper(spec.name) + " …` ") == 1);
    }
  }
}
