#include "protocol/comparable_reply.h"

#include <algorithm>
#include <string_view>

namespace slotless::protocol {

namespace {

constexpr std::string_view kVaries = "nondeterministic_output";
constexpr std::string_view kAnyOrder = "nondeterministic_output_order";

// By chance, by the clock, or about what is the server's own.
constexpr std::string_view kOfServer[] = {
    "dump",         "hrandfield",      "hscan",           "memory|usage", "object|encoding",
    "object|freq",  "object|idletime", "object|refcount", "pttl",         "hpttl",
    "httl",         "srandmember",     "sscan",           "ttl",          "xinfo|consumers",
    "xinfo|stream", "xpending",        "zrandmember",     "zscan",
};

struct OrderFact {
  std::string_view command;
  ReplyOrder order;
};
constexpr OrderFact kOrders[] = {
    {"hgetall", ReplyOrder::AnyPair}, {"hkeys", ReplyOrder::Any},  {"hvals", ReplyOrder::Any},
    {"sdiff", ReplyOrder::Any},       {"sinter", ReplyOrder::Any}, {"smembers", ReplyOrder::Any},
    {"sunion", ReplyOrder::Any},
};

bool hasTip(const CommandSpec& spec, std::string_view tip) {
  return std::find(spec.tips.begin(), spec.tips.end(), tip) != spec.tips.end();
}

}  // namespace

bool tellsDataOnly(const CommandSpec& spec) {
  const bool known = std::find(std::begin(kOfServer), std::end(kOfServer), spec.name) != std::end(kOfServer);
  return !known && !hasTip(spec, kVaries);
}

ReplyOrder replyOrderOf(const CommandSpec& spec) {
  const auto* const fact = std::find_if(std::begin(kOrders), std::end(kOrders),
                                        [&](const OrderFact& each) { return each.command == spec.name; });
  if (fact != std::end(kOrders)) return fact->order;
  return hasTip(spec, kAnyOrder) ? ReplyOrder::Any : ReplyOrder::Kept;
}

}  // namespace slotless::protocol
