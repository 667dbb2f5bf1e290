#include "proxy/translation/translation.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "protocol/key_extraction.h"
#include "protocol/key_scheme.h"
#include "protocol/strict_integer.h"
#include "proxy/databases/key_mapper.h"
#include "proxy/databases/pinned_scan.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/transfer.h"
#include "proxy/databases/walk.h"
#include "proxy/databases/whole_database.h"
#include "proxy/routing/router.h"
#include "proxy/translation/script_guarding.h"
#include "proxy/translation/script_translation.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

using protocol::Argv;
using protocol::CommandSpec;

namespace {

// Nearly always decided by the first bytes of the arguments.
bool namesReservedKey(const CommandSpec& spec, Argv argv) {
  if (spec.singleKey > 0) return protocol::isReservedKey(argv[static_cast<std::size_t>(spec.singleKey)]);
  const auto suspicious = [](std::string_view argument) { return protocol::isReservedKey(argument); };
  if (std::none_of(argv.begin() + 1, argv.end(), suspicious)) return false;
  std::vector<std::uint32_t> positions;
  protocol::keyPositions(spec, argv, positions);
  protocol::patternPositions(spec, argv, positions);
  return std::any_of(positions.begin(), positions.end(),
                     [&](std::uint32_t i) { return suspicious(argv[i]); });
}

// Large databases are counted and deleted step by step.
bool walks(protocol::WholeDatabase what) {
  return what == protocol::WholeDatabase::Count || what == protocol::WholeDatabase::Flush;
}

bool translateWhole(TranslationContext& context, int protocol, bool queued, Command& command,
                    std::string& error) {
  if (!queued && command.spec->wholeDatabase == protocol::WholeDatabase::Scan) {
    command.wantsWholeSlot = true;
    command.steps = std::make_unique<routing::Plan>();
    error = databases::planPinnedScan(command.argv, command.database, context.host.random(1U << 30U),
                                      *command.steps);
    return error.empty();
  }
  databases::Rewritten rewritten = databases::rewriteForPinned(
      command.spec->wholeDatabase, command.argv, command.database, protocol, context.host.random(1U << 30U));
  error = rewritten.error;
  command.wrongWhenRun = !error.empty();
  if (!error.empty()) return false;
  command.wantsWholeSlot = true;
  if (!queued && walks(command.spec->wholeDatabase)) {
    const protocol::Slot slot = command.database.slot;
    command.steps = std::make_unique<routing::Plan>();
    databases::planWalk(
        command.spec->wholeDatabase, command.database, [slot] { return databases::Masters{{slot}}; },
        *command.steps);
    return true;
  }
  command.spec = context.commands->find(rewritten.command);
  if (command.spec == nullptr) {
    error = "ERR The servers have no " + std::string(rewritten.command) +
            ", which this needs in a pinned database";
    return false;
  }
  context.mapper.write(std::vector<std::string_view>(rewritten.argv.begin(), rewritten.argv.end()));
  replaceBy(context.mapper, command);
  command.composer = std::move(rewritten.composer);
  return true;
}

// False: `error` says why not. What stays within one slot is an ordinary command.
bool translateTransfer(TranslationContext& context, const databases::Numbering& numbering, int protocol,
                       Command& command, std::string& error) {
  const auto request = databases::parseTransfer(command.spec->transfer, command.argv);
  command.wrongWhenRun = true;
  if (!request) {
    error = "ERR syntax error";
    return false;
  }
  const databases::Database* target = &command.database;
  if (request->database) target = databaseNamed(numbering, *request->database, error);
  if (target == nullptr) return false;
  if (target == &command.database && request->source == request->destination) {
    error = "ERR source and destination objects are the same";
    return false;
  }
  command.wrongWhenRun = false;
  const std::string source = command.database.prefix + std::string(request->source);
  const std::string destination = target->prefix + std::string(request->destination);
  const bool sameSlot = protocol::slotOf(source) == protocol::slotOf(destination);
  if (command.spec->transfer == protocol::Transfer::Copy && sameSlot) {
    std::vector<std::string_view> words = {command.argv[0], source, destination};
    if (request->replace) words.push_back("REPLACE");
    context.mapper.write(words);
    replaceBy(context.mapper, command);
    return true;
  }
  if (target == &command.database && context.config.crossSlot == config::CrossSlot::Error) {
    error = routing::kCrossSlot;
    return false;
  }
  command.steps = std::make_unique<routing::Plan>();
  command.steps->protocol = protocol;
  databases::planTransfer(command.spec->transfer, source, destination, request->replace, *command.steps);
  return true;
}

}  // namespace

bool translate(TranslationContext& context, const databases::Numbering& numbering, int protocol, bool queued,
               Command& command, std::string& error) {
  const databases::Database& database = command.database;
  if (!database.mapped() && context.databases.anyMapped() && namesReservedKey(*command.spec, command.argv)) {
    error = kReservedKey;
    return false;
  }
  if (command.spec->transfer != protocol::Transfer::None)
    return translateTransfer(context, numbering, protocol, command, error);
  if (carriesScript(*command.spec) && (!database.mapped() || !runsScript(*command.spec))) {
    guardScript(context, queued, command);
    return true;
  }
  if (!database.mapped()) return true;
  if (command.spec->wholeDatabase != protocol::WholeDatabase::None) {
    return !database.pinned() || translateWhole(context, protocol, queued, command, error);
  }
  if (runsScript(*command.spec)) return translateScript(context, queued, command, error);
  // Where a node has to be asked for the keys, its answer decides: see KeyLookups.
  const bool known = command.spec->keyProcedure != protocol::KeyProcedure::AskServer;
  if (known && context.mapper.map(*command.spec, command.argv, command.bytes, database)) {
    replaceBy(context.mapper, command);
  }
  command.composer = databases::composerFor(command.spec->replyNames, database);
  return true;
}

const databases::Database* databaseNamed(const databases::Numbering& numbering, std::string_view number,
                                         std::string& error) {
  const auto index = protocol::strictInteger(number);
  constexpr auto kMost = std::numeric_limits<int>::max();
  if (!index || *index > kMost || *index < -kMost) {
    error = "ERR value is not an integer or out of range";
    return nullptr;
  }
  if (*index < 0 || static_cast<std::uint64_t>(*index) >= numbering.size()) {
    error = "ERR DB index is out of range";
    return nullptr;
  }
  const databases::Database& found = numbering.at(static_cast<std::size_t>(*index));
  if (found.layout != databases::Layout::Denied) return &found;
  error = "ERR SELECT is not allowed: database-layout denies database " + std::to_string(*index);
  return nullptr;
}

}  // namespace slotless::session
