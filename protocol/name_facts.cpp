// Which replies name keys, which commands are about all keys of a database, and which name channels. Redis's
// COMMAND does not say it. Source: redis.io/commands; error texts: Redis 7.0 t_stream.c; channels: Redis 7.0
// db.c commands_with_channels.
#include <algorithm>
#include <iterator>

#include "protocol/command_overrides.h"

namespace slotless::protocol {
namespace {

constexpr NameFact kNameFacts[] = {
    {.name = "blmpop", .replyNames = ReplyNames::First},
    {.name = "blpop", .replyNames = ReplyNames::First},
    {.name = "brpop", .replyNames = ReplyNames::First},
    {.name = "bzmpop", .replyNames = ReplyNames::First},
    {.name = "bzpopmax", .replyNames = ReplyNames::First},
    {.name = "bzpopmin", .replyNames = ReplyNames::First},
    {.name = "lmpop", .replyNames = ReplyNames::First},
    {.name = "zmpop", .replyNames = ReplyNames::First},
    {.name = "xread", .replyNames = ReplyNames::Streams},
    {.name = "xreadgroup", .replyNames = ReplyNames::Streams},
    {.name = "xautoclaim", .replyNames = ReplyNames::Errors},
    {.name = "xclaim", .replyNames = ReplyNames::Errors},
    {.name = "xgroup", .replyNames = ReplyNames::Errors},
    {.name = "xinfo", .replyNames = ReplyNames::Errors},
    {.name = "xpending", .replyNames = ReplyNames::Errors},
    {.name = "sort", .namesKeysByPattern = true},
    {.name = "sort_ro", .namesKeysByPattern = true},
    {.name = "copy", .transfer = Transfer::Copy, .otherDatabase = OtherDatabase::ByOption},
    {.name = "move", .transfer = Transfer::Move, .otherDatabase = OtherDatabase::Always},
    {.name = "rename", .transfer = Transfer::Rename},
    {.name = "renamenx", .transfer = Transfer::RenameIfAbsent},
    {.name = "select", .otherDatabase = OtherDatabase::Always},
    {.name = "swapdb", .otherDatabase = OtherDatabase::Always},
    {.name = "dbsize", .wholeDatabase = WholeDatabase::Count},
    {.name = "flushall", .emptiesAllDatabases = true},
    {.name = "flushdb", .wholeDatabase = WholeDatabase::Flush},
    {.name = "keys", .wholeDatabase = WholeDatabase::List},
    {.name = "randomkey", .wholeDatabase = WholeDatabase::Random},
    {.name = "scan", .wholeDatabase = WholeDatabase::Scan},
};

struct ChannelFact {
  std::string_view name;
  ChannelUse use;
};
constexpr ChannelFact kChannels[] = {
    {"publish", ChannelUse::Publish},
    {"spublish", ChannelUse::Publish},
    {"subscribe", ChannelUse::Subscribe},
    {"ssubscribe", ChannelUse::Subscribe},
    {"psubscribe", ChannelUse::SubscribePattern},
    // Redis tells everybody how many listen; here it is for who may listen.
    {"pubsub|numsub", ChannelUse::Count},
    {"pubsub|shardnumsub", ChannelUse::Count},
};

// `once`: done twice it could undo what somebody else has done in between.
constexpr AbsenceFact kForgoing[] = {
    // Carried to nodes that come back: scripts with the first EVALSHA of each connection, settings by the
    // carrier.
    {.name = "config|set", .once = true},
    {.name = "script|exists"},
    {.name = "script|flush", .once = true},
    {.name = "script|load"},
    // Who runs something lives.
    {.name = "function|kill", .once = true},
    {.name = "function|stats"},
    {.name = "script|kill", .once = true},
    // One that lives can say it.
    {.name = "config|get"},
    {.name = "randomkey"},
    // What a node that is away does not have: subscribers, memory in use, numbers to be reset.
    {.name = "config|resetstat", .once = true},
    {.name = "lastsave"},
    {.name = "memory|doctor"},
    {.name = "memory|malloc-stats"},
    {.name = "memory|purge"},
    {.name = "memory|stats"},
    {.name = "pubsub|channels"},
    {.name = "pubsub|numpat"},
    {.name = "pubsub|numsub"},
    {.name = "pubsub|shardchannels"},
    {.name = "pubsub|shardnumsub"},
};

}  // namespace

const AbsenceFact* findAbsenceFact(std::string_view name) noexcept {
  const auto* found = std::find_if(std::begin(kForgoing), std::end(kForgoing),
                                   [&](const AbsenceFact& fact) { return fact.name == name; });
  return found == std::end(kForgoing) ? nullptr : found;
}

ChannelUse channelUseOf(std::string_view name) noexcept {
  const auto* found = std::find_if(std::begin(kChannels), std::end(kChannels),
                                   [&](const ChannelFact& fact) { return fact.name == name; });
  return found == std::end(kChannels) ? ChannelUse::None : found->use;
}

const NameFact* findNameFact(std::string_view name) noexcept {
  const std::string_view container = name.substr(0, name.find('|'));
  const auto* found = std::find_if(std::begin(kNameFacts), std::end(kNameFacts),
                                   [&](const NameFact& fact) { return fact.name == container; });
  return found == std::end(kNameFacts) ? nullptr : found;
}

}  // namespace slotless::protocol
