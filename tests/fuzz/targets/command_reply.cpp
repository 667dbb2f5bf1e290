// What a node says to COMMAND, and then arguments, one a line behind a zero byte, for what it has told of.
#include <algorithm>

#include "node_replies.h"
#include "protocol/command_table.h"
#include "protocol/key_extraction.h"
#include "protocol/key_uses.h"
#include "proxy/discovery/command_reply_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotless;
  const std::string_view input = fuzz::textOf(data, size);
  const std::size_t end = input.find('\0');
  const auto reply = fuzz::readReply(input.substr(0, end));
  if (reply == nullptr) return 0;
  auto facts = discovery::parseCommandReply(*reply);
  if (!facts) return 0;
  discovery::addGroups(*reply, *facts);
  const protocol::CommandTable table(std::move(*facts));
  auto argv = fuzz::split(end == std::string_view::npos ? std::string_view{} : input.substr(end + 1), '\n');
  for (const protocol::CommandSpec& spec : table.commands()) {
    argv.front() = spec.name;
    const protocol::CommandSpec* found = table.find(argv);
    if (found == nullptr) continue;
    std::vector<std::uint32_t> positions;
    std::vector<protocol::KeyUse> uses;
    keyPositions(*found, argv, positions);
    fuzz::require(
        std::all_of(positions.begin(), positions.end(), [&](auto each) { return each < argv.size(); }),
        "keys are among the arguments");
    keyUses(*found, argv, uses);
    plainKeyRange(*found, argv.size());
    patternPositions(*found, argv, positions);
  }
  return 0;
}
