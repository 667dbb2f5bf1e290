#include "proxy/commands/command_commands.h"

#include <string>
#include <vector>

#include "protocol/command_reply.h"
#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/session/client.h"

namespace slotless::session {

using protocol::appendArrayHeader;
using protocol::appendBulk;
using protocol::appendError;
using protocol::appendInteger;
using protocol::CommandSpec;

namespace {

void appendFacts(LocalCall& call, const CommandSpec& spec) {
  using enum protocol::WithoutSubcommands;
  const bool array = call.services.manners.server.isAtLeast("valkey", {9, 0});
  protocol::appendCommandInfo(call.out, spec, call.client.protocol, array ? EmptyArray : EmptySet);
}

// Keys of the command in argv[2 ...]; false: `out` has the error.
bool keysOfArguments(LocalCall& call, std::vector<std::uint32_t>& positions) {
  const protocol::Argv command = call.argv.subspan(2);
  const CommandSpec* spec = call.services.commands->find(command);
  if (spec == nullptr) {
    appendError(call.out, "ERR Invalid command specified");
    return false;
  }
  if (spec->keySpecs.empty() && spec->firstKey == 0) {
    appendError(call.out, "ERR The command has no key arguments");
    return false;
  }
  if (!spec->arityFits(command.size())) {
    appendError(call.out, "ERR Invalid number of arguments specified for command");
    return false;
  }
  const bool found = protocol::keyPositions(*spec, command, positions) == protocol::KeyResult::Ok;
  if (!found || (positions.empty() && !spec->has(protocol::kNoMandatoryKeys))) {
    appendError(call.out, "ERR Invalid arguments specified for command");
    return false;
  }
  return true;
}

}  // namespace

void commandAll(LocalCall& call) {
  const auto commands = call.services.commands->commands();
  appendArrayHeader(call.out, commands.size());
  for (const CommandSpec& spec : commands) appendFacts(call, spec);
}

void commandCount(LocalCall& call) {
  appendInteger(call.out, static_cast<std::int64_t>(call.services.commands->commands().size()));
}

void commandInfo(LocalCall& call) {
  if (call.argv.size() == 2) return commandAll(call);
  appendArrayHeader(call.out, call.argv.size() - 2);
  for (const std::string_view name : call.argv.subspan(2)) {
    const CommandSpec* spec = call.services.commands->find(name);
    if (spec == nullptr) {
      protocol::appendNull(call.out, call.client.protocol);
    } else {
      appendFacts(call, *spec);
    }
  }
}

void commandGetKeys(LocalCall& call) {
  std::vector<std::uint32_t> positions;
  if (!keysOfArguments(call, positions)) return;
  appendArrayHeader(call.out, positions.size());
  for (const std::uint32_t position : positions) appendBulk(call.out, call.argv[2 + position]);
}

}  // namespace slotless::session
