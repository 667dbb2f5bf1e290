#include "proxy/discovery/sentinel_answer.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <span>

#include "protocol/strict_integer.h"
#include "proxy/discovery/server_role.h"
#include "proxy/upstream/reply_view.h"

namespace slotless::discovery {

using upstream::elementsOf;
using upstream::textOf;
using upstream::valueOf;

namespace {

constexpr std::size_t kMostSentinels = 64;

}  // namespace

std::vector<std::vector<std::string_view>> sentinelQuestions(const std::string& name) {
  return {{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name},
          {"SENTINEL", "MASTER", name},
          {"SENTINEL", "SENTINELS", name}};
}

std::optional<SentinelAnswer> parseSentinelAnswer(const redisReply& address, const redisReply& master,
                                                  const redisReply& sentinels,
                                                  const cluster::AddressMap& map) {
  const auto parts = elementsOf(&address);
  const auto found = parts.size() == 2 ? toldAddress(textOf(parts[0]), textOf(parts[1]), map) : std::nullopt;
  if (!found) return std::nullopt;
  SentinelAnswer answer;
  answer.master = *found;
  const auto epoch = protocol::strictInteger(textOf(valueOf(&master, "config-epoch")));
  if (epoch && *epoch > 0) answer.epoch = static_cast<std::uint64_t>(*epoch);
  for (const redisReply* each :
       elementsOf(&sentinels).first(std::min(elementsOf(&sentinels).size(), kMostSentinels))) {
    if (const auto other = toldAddress(textOf(valueOf(each, "ip")), textOf(valueOf(each, "port")), map))
      answer.sentinels.push_back(*other);
  }
  return answer;
}

}  // namespace slotless::discovery
