#include "proxy/emulation/replica_facts.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "config/endpoint.h"
#include "proxy/emulation/asker.h"
#include "proxy/emulation/plan_context.h"

namespace slotless::session {

namespace {

struct Replica {
  std::uint64_t behind = 0;  // bytes
  std::uint64_t lag = 0;     // seconds
};

struct Replication {
  std::uint64_t offset = 0;
  std::vector<Replica> replicas;
};

std::optional<std::string_view> between(std::string_view text, std::string_view before,
                                        std::string_view delimiters) {
  const std::size_t begin = text.find(before);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + before.size());
  return text.substr(0, text.find_first_of(delimiters));
}

std::uint64_t numberIn(std::string_view text, std::string_view before, std::string_view delimiters) {
  std::uint64_t number = 0;
  const std::string_view digits = between(text, before, delimiters).value_or("");
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

Replication replicationIn(std::string_view info) {
  Replication found;
  found.offset = numberIn(info, "\nmaster_repl_offset:", "\r\n");
  for (std::size_t i = 0;; ++i) {
    const auto line = between(info, "\nslave" + std::to_string(i) + ":", "\r\n");
    if (!line) break;
    if (line->find("state=online") == std::string_view::npos) continue;
    const std::uint64_t offset = numberIn(*line, "offset=", ",");
    found.replicas.push_back(
        {found.offset > offset ? found.offset - offset : 0, numberIn(*line, "lag=", ",")});
  }
  return found;
}

}  // namespace

net::Address ownAddress(const Asker& client, const PlanContext& context) {
  net::Address own = client.localAddress();
  if (own.port != 0) return own;
  const config::Endpoint* listener = config::firstTcpListener(context.config);
  return {"127.0.0.1", static_cast<std::uint16_t>(listener == nullptr ? 0 : listener->port)};
}

std::string replicaLines(std::span<const std::string_view> texts, const net::Address& own) {
  std::optional<std::vector<Replica>> fewest;
  std::uint64_t offset = 0;
  for (const std::string_view text : texts) {
    Replication found = replicationIn(text);
    offset += found.offset;
    if (!fewest) {
      fewest = std::move(found.replicas);
      continue;
    }
    if (found.replicas.size() < fewest->size()) fewest->resize(found.replicas.size());
    for (std::size_t i = 0; i < fewest->size(); ++i) {
      (*fewest)[i].behind += found.replicas[i].behind;
      (*fewest)[i].lag = std::max((*fewest)[i].lag, found.replicas[i].lag);
    }
  }
  std::string lines = std::to_string(fewest ? fewest->size() : 0);
  for (std::size_t i = 0; fewest && i < fewest->size(); ++i) {
    const std::uint64_t behind = std::min((*fewest)[i].behind, offset);
    lines += "\r\nslave" + std::to_string(i) + ":ip=" + own.host + ",port=" + std::to_string(own.port) +
             ",state=online,offset=" + std::to_string(offset - behind) +
             ",lag=" + std::to_string((*fewest)[i].lag);
  }
  return lines;
}

}  // namespace slotless::session
