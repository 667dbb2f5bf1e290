// The words that COMMAND uses for flags, categories, key specification flags and policies, and what they
// stand for. Source: Redis 7.0 server.c addReplyFlagsForCommand(), addReplyFlagsForKeyArgs(),
// ACLCommandCategories; redis.io/docs/reference/command-tips for the policies.
#pragma once
#include <array>
#include <string_view>

#include "protocol/command_spec.h"

namespace slotless::protocol {

template <typename Value>
struct NamedValue {
  std::string_view name;
  Value value;
};

inline constexpr std::array kCommandFlagNames = std::to_array<NamedValue<CommandFlag>>({
    {"write", kWrite},
    {"readonly", kReadOnly},
    {"denyoom", kDenyOom},
    {"admin", kAdmin},
    {"pubsub", kPubSub},
    {"noscript", kNoScript},
    {"blocking", kBlocking},
    {"loading", kLoading},
    {"stale", kStale},
    {"skip_monitor", kSkipMonitor},
    {"skip_slowlog", kSkipSlowlog},
    {"asking", kAsking},
    {"fast", kFast},
    {"no_auth", kNoAuth},
    {"may_replicate", kMayReplicate},
    {"no_multi", kNoMulti},
    {"movablekeys", kMovableKeys},
    {"allow_busy", kAllowBusy},
    {"module", kModule},
    {"no_async_loading", kNoAsyncLoading},
    {"no_mandatory_keys", kNoMandatoryKeys},
});

inline constexpr std::array kCategoryNames = std::to_array<NamedValue<CommandCategory>>({
    {"@connection", kCategoryConnection},
    {"@pubsub", kCategoryPubSub},
    {"@blocking", kCategoryBlocking},
    {"@transaction", kCategoryTransaction},
    {"@scripting", kCategoryScripting},
    {"@admin", kCategoryAdmin},
    {"@dangerous", kCategoryDangerous},
});

// In the order in which COMMAND lists them.
inline constexpr std::array kKeySpecFlagNames = std::to_array<NamedValue<KeySpecFlag>>({
    {"RO", kKeyReadOnly},
    {"RW", kKeyReadWrite},
    {"OW", kKeyOverwrite},
    {"RM", kKeyRemove},
    {"access", kKeyAccess},
    {"update", kKeyUpdate},
    {"insert", kKeyInsert},
    {"delete", kKeyDelete},
    {"not_key", kKeyNotKey},
    {"incomplete", kKeyIncomplete},
    {"variable_flags", kKeyVariableFlags},
});

// A policy with an unknown name is Special: nothing may be assumed of it.
inline constexpr std::array kRequestPolicyTips = std::to_array<NamedValue<RequestPolicy>>({
    {"request_policy:all_nodes", RequestPolicy::AllNodes},
    {"request_policy:all_shards", RequestPolicy::AllShards},
    {"request_policy:multi_shard", RequestPolicy::MultiShard},
    {"request_policy:", RequestPolicy::Special},
});

inline constexpr std::array kResponsePolicyTips = std::to_array<NamedValue<ResponsePolicy>>({
    {"response_policy:one_succeeded", ResponsePolicy::OneSucceeded},
    {"response_policy:all_succeeded", ResponsePolicy::AllSucceeded},
    {"response_policy:agg_logical_and", ResponsePolicy::AggLogicalAnd},
    {"response_policy:agg_logical_or", ResponsePolicy::AggLogicalOr},
    {"response_policy:agg_min", ResponsePolicy::AggMin},
    {"response_policy:agg_max", ResponsePolicy::AggMax},
    {"response_policy:agg_sum", ResponsePolicy::AggSum},
    {"response_policy:", ResponsePolicy::Special},
});

}  // namespace slotless::protocol
