#include "proxy/discovery/sentinel_answer.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <span>

#include "protocol/strict_integer.h"

namespace slotless::discovery {

namespace {

constexpr std::size_t kMostSentinels = 64;

std::span<redisReply* const> elementsOf(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY) return {};
  return {reply.element, reply.elements};
}

std::string_view textOf(const redisReply& reply) {
  return reply.type == REDIS_REPLY_STRING ? std::string_view(reply.str, reply.len) : std::string_view();
}

std::optional<net::Address> addressOf(std::string_view host, std::string_view port,
                                      const cluster::AddressMap& map) {
  const auto number = protocol::strictInteger(port);
  if (host.empty() || !number || *number <= 0 || *number > 65535) return std::nullopt;
  return map.translate({std::string(host), static_cast<std::uint16_t>(*number)});
}

// In name, value, name, value …
std::string_view fieldOf(const redisReply& reply, std::string_view name) {
  const auto elements = elementsOf(reply);
  for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
    if (textOf(*elements[i]) == name) return textOf(*elements[i + 1]);
  }
  return {};
}

}  // namespace

std::vector<std::vector<std::string_view>> sentinelQuestions(const std::string& name) {
  return {{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name},
          {"SENTINEL", "MASTER", name},
          {"SENTINEL", "SENTINELS", name}};
}

std::optional<SentinelAnswer> parseSentinelAnswer(const redisReply& address, const redisReply& master,
                                                  const redisReply& sentinels,
                                                  const cluster::AddressMap& map) {
  const auto parts = elementsOf(address);
  const auto found = parts.size() == 2 ? addressOf(textOf(*parts[0]), textOf(*parts[1]), map) : std::nullopt;
  if (!found) return std::nullopt;
  SentinelAnswer answer;
  answer.master = *found;
  const auto epoch = protocol::strictInteger(fieldOf(master, "config-epoch"));
  if (epoch && *epoch > 0) answer.epoch = static_cast<std::uint64_t>(*epoch);
  for (const redisReply* each :
       elementsOf(sentinels).first(std::min(elementsOf(sentinels).size(), kMostSentinels))) {
    if (const auto other = addressOf(fieldOf(*each, "ip"), fieldOf(*each, "port"), map))
      answer.sentinels.push_back(*other);
  }
  return answer;
}

}  // namespace slotless::discovery
