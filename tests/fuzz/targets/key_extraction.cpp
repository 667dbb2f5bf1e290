// Arguments of any command, one a line: where its keys are, what is done to them, and whether a user may.
#include <algorithm>
#include <memory>
#include <set>

#include "protocol/command_table.h"
#include "protocol/key_extraction.h"
#include "protocol/key_uses.h"
#include "protocol/secrets.h"
#include "proxy/access/permission.h"
#include "proxy/access/rule_language.h"
#include "target.h"

namespace {

using slotless::fuzz::require;
using slotless::protocol::Argv;
using slotless::protocol::CommandSpec;
using slotless::protocol::KeyResult;
using Positions = std::vector<std::uint32_t>;

// May do everything with the keys a*, and read r*.
const slotless::access::Permission& narrow() {
  static const slotless::access::Permission permission = [] {
    const slotless::access::Vocabulary words(*slotless::protocol::CommandTable::builtIn());
    slotless::access::User user;
    for (const char* rule : {"on", "+@all", "~a*", "%R~r*", "&a*", "scripts=unchecked"})
      require(!applyRule(user, rule, words), "the rules are right");
    return slotless::access::Permission(std::make_shared<const slotless::access::User>(user), words);
  }();
  return permission;
}

void check(const CommandSpec& spec, Argv argv) {
  Positions positions;
  const KeyResult result = keyPositions(spec, argv, positions);
  const auto fits = [&](std::uint32_t position) { return position > 0 && position < argv.size(); };
  require(std::all_of(positions.begin(), positions.end(), fits), "keys are among the arguments");
  require(std::is_sorted(positions.begin(), positions.end()), "keys are in order");
  std::vector<slotless::protocol::KeyUse> uses;
  if (keyUses(spec, argv, uses) == KeyResult::Ok && result == KeyResult::Ok) {
    for (const auto& use : uses)
      require(std::binary_search(positions.begin(), positions.end(), use.position),
              "a key that is used is a key");
  }
  if (const auto range = plainKeyRange(spec, argv.size());
      range && spec.arityFits(argv.size()) && result == KeyResult::Ok) {
    Positions plain;
    for (std::size_t i = 0; i < range->count; ++i)
      plain.push_back(static_cast<std::uint32_t>(range->first + i * range->step));
    require(plain == positions, "the plain range has the same keys");
  }
  if (spec.arityFits(argv.size()) && !narrow().check(spec, argv, uses) &&
      keyUses(spec, argv, uses) == KeyResult::Ok) {
    for (const auto& use : uses) {
      const std::string_view key = argv[use.position];
      require(key.starts_with('a') || key.starts_with('r'), "no key is used that may not be");
    }
  }
  Positions more;
  certainKeyPositions(spec, argv, more);
  patternPositions(spec, argv, more);
  hasSessionKeyword(spec, argv);
  const slotless::protocol::Secrets secrets(argv);
  for (std::size_t i = 0; i < argv.size(); ++i) secrets.includes(i);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto argv = slotless::fuzz::split(slotless::fuzz::textOf(data, size), '\n');
  const auto table = slotless::protocol::CommandTable::builtIn();
  if (const CommandSpec* spec = table->find(argv)) check(*spec, argv);
  return 0;
}
