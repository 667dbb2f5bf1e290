// Where the proxy knows better than the facts that COMMAND reports: data, looked up by name when a table is
// built.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "protocol/command_spec.h"

namespace slotless::protocol {

struct CommandOverride {
  std::string_view
      name;  // "name" or "container|sub"; a container's row holds for those of its subcommands without one
  Handling handling;
  std::string_view reason;  // one clause, in English
  std::optional<RequestPolicy> requestPolicy{};
  std::optional<ResponsePolicy> responsePolicy{};
  std::string_view sessionKeyword{};
  std::optional<bool> retryAfterLoss{};
  bool barrier = false;  // in addition to what the handling implies
  int hashedArgument = 0;
  std::optional<KeyProcedure> keyProcedure{};
};

// What commands mean to a session, by name; SessionRole::None for all others.
struct SessionFact {
  std::string_view name;
  SessionRole role;
  BlockTimeout blockTimeout{};
};
const SessionFact* findSessionFact(std::string_view name) noexcept;

// What commands tell of keys, or do to all of them.
struct NameFact {
  std::string_view name;  // a container's row holds for its subcommands
  ReplyNames replyNames = ReplyNames::None;
  WholeDatabase wholeDatabase = WholeDatabase::None;
  bool namesKeysByPattern = false;
  Transfer transfer = Transfer::None;
  OtherDatabase otherDatabase = OtherDatabase::None;
  bool emptiesAllDatabases = false;
};
const NameFact* findNameFact(std::string_view name) noexcept;

// The channels that commands name, by exact name.
ChannelUse channelUseOf(std::string_view name) noexcept;

// Of the commands for all nodes, those that are carried out by the nodes that live, whoever else is missing:
// where one that is away is made up for when it is back, or has nothing to say; not where the answer would
// lack keys, or a change would not be made.
struct AbsenceFact {
  std::string_view name;
  bool once = false;  // not to be sent again when the connection was lost after sending
};
const AbsenceFact* findAbsenceFact(std::string_view name) noexcept;

// Commands that carry scripts, or name or forget them.
struct ScriptFact {
  std::string_view name;
  int text = 0;
  int sha = 0;
  bool forgets = false;
  bool isLibrary = false;  // of functions, in the last argument
  bool shows = false;      // its reply does: libraries of functions
};
const ScriptFact* findScriptFact(std::string_view name) noexcept;

std::span<const CommandOverride> commandOverrides() noexcept;

// By the exact lower-case name, else by the container's; nullptr if the facts say it all.
const CommandOverride* findOverride(std::string_view name) noexcept;

// Commands that the proxy answers although the servers it knows facts of may lack them, as lines for
// parseFactLine().
std::span<const std::string_view> addedFactLines() noexcept;

}  // namespace slotless::protocol
