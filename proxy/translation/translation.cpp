#include "proxy/translation/translation.h"

#include <limits>
#include <vector>

#include "config/upstream.h"
#include "protocol/key_extraction.h"
#include "protocol/strict_integer.h"
#include "proxy/databases/key_mapper.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/transfer.h"
#include "proxy/databases/whole_database.h"
#include "proxy/routing/router.h"
#include "proxy/routing/sort_stages.h"
#include "proxy/translation/alternatives.h"
#include "proxy/translation/one_at_a_time.h"
#include "proxy/translation/pinned_database.h"
#include "proxy/translation/script_guarding.h"
#include "proxy/translation/script_on_masters.h"
#include "proxy/translation/script_translation.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

// Why one of its keys may not be called so, or empty.
std::string_view objectionToKeys(const TranslationContext& context, const Command& command) {
  if (!mayNameReservedKey(context, command)) return {};
  const CommandSpec& spec = *command.spec;
  std::vector<std::uint32_t> positions;
  protocol::keyPositions(spec, command.argv, positions);
  protocol::patternPositions(spec, command.argv, positions);
  for (const std::uint32_t i : positions) {
    const auto objection = databases::keyObjection(context.databases, command.database, command.argv[i]);
    if (!objection.empty()) return objection;
  }
  return {};
}

bool hasEvalRo(const TranslationContext& context) {
  return context.commands->find("eval_ro") != nullptr;
}

std::string_view wordOf(protocol::Transfer kind) {
  constexpr std::string_view kWords[] = {"", "COPY", "MOVE", "RENAME", "RENAMENX"};
  return kWords[static_cast<std::size_t>(kind)];
}

// MOVE has to compare and delete at one moment, which takes a script that writes: whether that is let in is
// found out before anything is done.
void planTransferWays(TranslationContext& context, const CommandSpec& said, const std::string& source,
                      const std::string& destination, bool replace, routing::Plan& plan) {
  using telemetry::Deniable;
  const protocol::Transfer kind = said.transfer;
  const bool moves = kind != protocol::Transfer::Copy;
  std::vector<Way> ways;
  addScriptWays(
      ways, !moves && hasEvalRo(context), Deniable::TransferScripts,
      [=](std::string_view eval, routing::Plan& next) {
        databases::planTransfer(kind, source, destination, replace, eval, next);
      },
      Deniable::Restore);
  if (!moves) {
    ways.push_back({Deniable::Dump, {}, [=](routing::Plan& next) {
                      databases::planTransfer(kind, source, destination, replace, {}, next);
                    }});
    ways.back().later = Deniable::Restore;
  }
  planAlternatives(context, wordOf(kind), std::move(ways), plan);
}

// RENAME within a slot is an ordinary command, and in a transaction it has to be.
bool isTransfer(const TranslationContext& context, const Command& command, bool queued) {
  if (config::servesOneServer(context.config)) return false;
  switch (command.spec->transfer) {
    case protocol::Transfer::None: return false;
    case protocol::Transfer::Rename:
    case protocol::Transfer::RenameIfAbsent:
      return !queued && context.config.crossSlot == config::CrossSlot::Emulate &&
             command.database.slotOf(command.argv[1]) != command.database.slotOf(command.argv[2]);
    default: return true;
  }
}

constexpr std::string_view kBetweenLayouts =
    "ERR MOVE and COPY between a native database and one whose keys have other names in the cluster are not "
    "possible";
constexpr std::string_view kOtherKey =
    "CROSSSLOT COPY into another native database takes keys of one slot: the nodes do it themselves";

// Between two of the nodes' own databases they do it themselves, at one moment. False: `error` says why not.
bool translateBetweenNodeDatabases(TranslationContext& context, const databases::TransferRequest& request,
                                   const databases::Database& target, Command& command, std::string& error) {
  if (command.database.mapped() || target.mapped()) {
    error = kBetweenLayouts;
    return false;
  }
  if (protocol::slotOf(request.source) != protocol::slotOf(request.destination)) {
    error = kOtherKey;
    return false;
  }
  const std::string number = std::to_string(target.ofNodes());
  std::vector<std::string_view> words = {command.argv[0], request.source};
  if (command.spec->transfer == protocol::Transfer::Copy)
    words.insert(words.end(), {request.destination, "DB"});
  words.push_back(number);
  if (request.replace) words.push_back("REPLACE");
  context.mapper.write(words);
  replaceBy(context.mapper, command);
  return true;
}

// False: `error` says why not. What stays within one slot is an ordinary command.
bool translateTransfer(TranslationContext& context, const databases::Numbering& numbering, int protocol,
                       Command& command, std::string& error) {
  const databases::Database* target = &command.database;
  const auto isThere = [&](std::string_view number) {
    target = databaseNamed(numbering, number, error);
    return target != nullptr;
  };
  const auto request = databases::parseTransfer(command.spec->transfer, command.argv, isThere);
  command.wrongWhenRun = true;
  if (!request) {
    if (error.empty()) error = "ERR syntax error";
    return false;
  }
  if (target == &command.database && request->source == request->destination) {
    error = "ERR source and destination objects are the same";
    return false;
  }
  command.wrongWhenRun = false;
  if (target->ofNodes() != command.database.ofNodes())
    return translateBetweenNodeDatabases(context, *request, *target, command, error);
  const std::string source = command.database.physicalName(request->source);
  const std::string destination = target->physicalName(request->destination);
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
  const auto begin = [&context, said = command.said, source, destination,
                      replace = request->replace](routing::Plan& plan) {
    planTransferWays(context, *said, source, destination, replace, plan);
  };
  if (command.spec->transfer == protocol::Transfer::Copy) {
    begin(*command.steps);
    return true;
  }
  const std::string numbered = std::to_string(command.database.ofNodes()) + ':';
  planOneAtATime(context, {numbered + source, numbered + destination}, begin, *command.steps);
  return true;
}

// A pattern of SORT leads to keys of any group, depending on the elements. False: it has none, or a node is
// to refuse it, as one that is queued.
bool translateSort(TranslationContext& context, int protocol, bool queued, Command& command) {
  const CommandSpec& spec = *command.spec;
  std::vector<std::uint32_t> patterns;
  protocol::patternPositions(spec, command.argv, patterns);
  if (patterns.empty() || context.config.crossSlot == config::CrossSlot::Error ||
      !context.mapper.map(spec, command.argv, command.bytes, command.database))
    return false;
  std::vector<std::string_view> words(context.mapper.argv().begin(), context.mapper.argv().end());
  for (const std::uint32_t position : patterns) words[position] = command.argv[position];
  auto steps = std::make_unique<routing::Plan>();
  steps->protocol = protocol;
  const auto store = spec.has(protocol::kWrite) ? routing::SortStore::Allowed : routing::SortStore::Refused;
  const auto naming = [&database = command.database](std::string_view key) {
    return database.physicalName(key);
  };
  if (!routing::planSortStages(words, store, *steps, naming)) return false;
  if (queued && steps->kind == routing::Plan::Kind::Refused) return false;
  command.steps = std::move(steps);
  return true;
}

}  // namespace

bool translate(TranslationContext& context, const databases::Numbering& numbering, int protocol, bool queued,
               Command& command, std::string& error) {
  const databases::Database& database = command.database;
  if (const std::string_view objection = objectionToKeys(context, command); !objection.empty()) {
    error = objection;
    return false;
  }
  if (isTransfer(context, command, queued))
    return translateTransfer(context, numbering, protocol, command, error);
  if (!queued && runsScript(*command.spec) && planOnMasters(context, protocol, command)) return true;
  if (carriesScript(*command.spec) && (!database.mapped() || !runsScript(*command.spec))) {
    guardScript(context, queued, command);
    return true;
  }
  if (!database.mapped()) return true;
  if (command.spec->wholeDatabase != protocol::WholeDatabase::None) {
    return !database.pinned() || translatePinned(context, protocol, queued, command, error);
  }
  if (runsScript(*command.spec)) return translateScript(context, queued, command, error);
  if (database.grouped() && command.spec->namesKeysByPattern &&
      translateSort(context, protocol, queued, command))
    return true;
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
  using Limits = std::numeric_limits<int>;
  if (!index) {
    error = "ERR value is not an integer or out of range";
    return nullptr;
  }
  if (*index > Limits::max() || *index < Limits::min()) {
    error = "ERR value is out of range, value must between " + std::to_string(Limits::min()) + " and " +
            std::to_string(Limits::max());
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
