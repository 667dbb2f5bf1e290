// What commands mean to a session. Redis's COMMAND does not say it: the flags tell that a command blocks, not
// where its timeout stands. Source: redis.io/commands.
#include <algorithm>
#include <iterator>

#include "protocol/command_overrides.h"

namespace slotless::protocol {
namespace {

using enum SessionRole;

constexpr SessionFact kFacts[] = {
    {"multi", Multi},
    {"exec", Exec},
    {"discard", Discard},
    {"watch", Watch},
    {"unwatch", Unwatch},
    {"blpop", Blocking, {.argument = -1}},
    {"brpop", Blocking, {.argument = -1}},
    {"brpoplpush", Blocking, {.argument = -1}},
    {"blmove", Blocking, {.argument = -1}},
    {"blmpop", Blocking, {.argument = 1}},
    {"bzpopmin", Blocking, {.argument = -1}},
    {"bzpopmax", Blocking, {.argument = -1}},
    {"bzmpop", Blocking, {.argument = 1}},
    {"xread", None, {.inMilliseconds = true}},
    {"xreadgroup", None, {.inMilliseconds = true}},
    {"subscribe", Subscribe},
    {"psubscribe", Subscribe},
    {"ssubscribe", Subscribe},
    {"unsubscribe", Unsubscribe},
    {"punsubscribe", Unsubscribe},
    {"sunsubscribe", Unsubscribe},
    {"monitor", Monitor},
    {"wait", Wait},
    {"waitaof", Wait},
    {"select", Select},
    {"client|tracking", Tracking},
    {"client|caching", Caching},
    {"ping", Ping},
    {"reset", Reset},
    {"quit", Quit},
};

constexpr ScriptFact kScripts[] = {
    {.name = "eval", .text = 1},
    {.name = "eval_ro", .text = 1},
    {.name = "script|load", .text = 2},
    {.name = "evalsha", .sha = 1},
    {.name = "evalsha_ro", .sha = 1},
    {.name = "script|flush", .forgets = true},
    {.name = "function|load", .isLibrary = true},
    {.name = "function|list", .shows = true},
};

}  // namespace

const ScriptFact* findScriptFact(std::string_view name) noexcept {
  const auto* found = std::find_if(std::begin(kScripts), std::end(kScripts),
                                   [&](const ScriptFact& fact) { return fact.name == name; });
  return found == std::end(kScripts) ? nullptr : found;
}

const SessionFact* findSessionFact(std::string_view name) noexcept {
  const auto* found = std::find_if(std::begin(kFacts), std::end(kFacts),
                                   [&](const SessionFact& fact) { return fact.name == name; });
  return found == std::end(kFacts) ? nullptr : found;
}

}  // namespace slotless::protocol
