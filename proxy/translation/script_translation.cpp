#include "proxy/translation/script_translation.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/key_extraction.h"
#include "protocol/key_scheme.h"
#include "protocol/slot_tags.h"
#include "protocol/strict_integer.h"
#include "proxy/translation/script_guarding.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

std::string_view noScript(const TranslationContext& context) {
  return context.manners.saysNoScriptOnly ? "NOSCRIPT No matching script."
                                          : "NOSCRIPT No matching script. Please use EVAL.";
}

// A key that never exists, in the slot of all keys that the script may touch. `key`: one that it has
// declared.
std::string routingKeyOf(const databases::Database& database, std::string_view key) {
  if (!database.grouped()) return database.routingKey;
  return protocol::routingKey(protocol::SlotTags::get().of(database.slotOf(key)));
}

}  // namespace

bool runsScript(const CommandSpec& spec) {
  return (spec.scriptText > 0 || spec.scriptSha > 0) && !spec.keySpecs.empty();
}

bool translateScript(TranslationContext& context, bool queued, Command& command, std::string& error) {
  const CommandSpec& spec = *command.spec;
  const databases::Database& database = command.database;
  std::vector<std::uint32_t> positions;
  const auto count = static_cast<std::size_t>(spec.keySpecs.front().index);
  const auto given = protocol::strictInteger(command.argv[count]);
  if (protocol::keyPositions(spec, command.argv, positions) != protocol::KeyResult::Ok || !given ||
      static_cast<std::size_t>(*given) != positions.size()) {
    // A node words the error.
    if (context.mapper.map(spec, command.argv, command.bytes, database)) replaceBy(context.mapper, command);
    return true;
  }
  std::vector<std::string_view> words(command.argv.begin(), command.argv.end());
  const Wrapping wrapping = database.grouped() ? Wrapping::GroupedNames : Wrapping::Names;
  std::string text;
  if (spec.scriptSha > 0) {
    std::string_view& sha = words[static_cast<std::size_t>(spec.scriptSha)];
    const auto known = context.wrappedScripts.shaFor(sha, context.commands, context.scripts, wrapping);
    error = noScript(context);
    command.wrongWhenRun = !known;
    if (!known) return false;
    sha = *known;
  } else {
    std::string_view& script = words[static_cast<std::size_t>(spec.scriptText)];
    context.scripts.remember(script);
    text = context.wrappedScripts.textFor(script, context.commands, wrapping);
    script = text;
  }
  std::vector<std::string> names;
  names.reserve(positions.size());
  for (const std::uint32_t i : positions) {
    names.push_back(database.physicalName(words[i]));
    words[i] = names.back();
  }
  const std::string more = std::to_string(positions.size() + 1);
  const std::string routingKey = routingKeyOf(database, positions.empty() ? "" : command.argv[positions[0]]);
  if (database.pinned() || (database.grouped() && !positions.empty())) {
    words[count] = more;
    words.insert(words.begin() + static_cast<std::ptrdiff_t>(count + 1 + positions.size()), routingKey);
    command.wantsWholeSlot = true;
  }
  if (database.grouped()) words.emplace_back(database.groups.patterns());
  words.emplace_back(database.prefix);
  context.mapper.write(words);
  replaceBy(context.mapper, command);
  if (queued) command.composer = scriptErrorComposer(context.wrappedScripts, database);
  return true;
}

}  // namespace slotless::session
