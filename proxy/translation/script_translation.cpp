#include "proxy/translation/script_translation.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/key_extraction.h"
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
  std::string text;
  if (spec.scriptSha > 0) {
    std::string_view& sha = words[static_cast<std::size_t>(spec.scriptSha)];
    const auto known = context.wrappedScripts.shaFor(sha, context.commands, context.scripts);
    error = noScript(context);
    command.wrongWhenRun = !known;
    if (!known) return false;
    sha = *known;
  } else {
    std::string_view& script = words[static_cast<std::size_t>(spec.scriptText)];
    context.scripts.remember(script);
    text = context.wrappedScripts.textFor(script, context.commands);
    script = text;
  }
  std::vector<std::string> names;
  names.reserve(positions.size());
  for (const std::uint32_t i : positions) {
    names.push_back(database.physicalName(words[i]));
    words[i] = names.back();
  }
  const std::string more = std::to_string(positions.size() + 1);
  if (database.pinned()) {
    words[count] = more;
    words.insert(words.begin() + static_cast<std::ptrdiff_t>(count + 1 + positions.size()),
                 database.routingKey);
    command.wantsWholeSlot = true;
  }
  words.emplace_back(database.prefix);
  context.mapper.write(words);
  replaceBy(context.mapper, command);
  if (queued) command.composer = scriptErrorComposer(context.wrappedScripts, database);
  return true;
}

}  // namespace slotless::session
