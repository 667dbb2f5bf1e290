// What nodes answer to CLUSTER SLOTS and CLUSTER NODES, written down as RESP and parsed by hiredis' reader.
#pragma once
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/encoder.h"
#include "proxy/cluster/topology.h"
#include "proxy/upstream/handshake.h"

namespace slotless::test {

inline std::string bulk(std::string_view text) {
  std::string out;
  protocol::appendBulk(out, text);
  return out;
}
inline std::string number(long long value) {
  return ":" + std::to_string(value) + "\r\n";
}
inline std::string list(const std::vector<std::string>& elements) {
  std::string out = "*" + std::to_string(elements.size()) + "\r\n";
  for (const std::string& element : elements) out += element;
  return out;
}
inline const std::string kNull = "$-1\r\n";

inline upstream::ReplyPtr replyOf(std::string_view resp) {
  upstream::OwnReplyReader reader;
  reader.feed(resp);
  upstream::ReplyPtr reply;
  if (reader.next(reply) != upstream::OwnReplyReader::Status::Reply)
    throw std::invalid_argument("not one reply");
  return reply;
}

// A master with one range of slots, for whole layouts. Nodes are 127.0.0.1:port, their ids "id-<port>".
struct Shard {
  std::uint16_t port;
  int first;
  int last;
  std::uint64_t epoch;
  std::vector<std::uint16_t> replicas = {};
};

inline std::string idOf(std::uint16_t port) {
  return "id-" + std::to_string(port);
}

inline std::string slotsReply(const std::vector<Shard>& shards) {
  std::vector<std::string> rows;
  const auto entry = [](std::uint16_t port) {
    return list({bulk("127.0.0.1"), number(port), bulk(idOf(port)), list({})});
  };
  for (const Shard& shard : shards) {
    std::vector<std::string> row = {number(shard.first), number(shard.last), entry(shard.port)};
    for (const std::uint16_t replica : shard.replicas) row.push_back(entry(replica));
    if (shard.first >= 0) rows.push_back(list(row));
  }
  return list(rows);
}

inline std::string nodesText(const std::vector<Shard>& shards) {
  std::string text;
  const auto line = [&](std::uint16_t port, std::string_view flags, const std::string& master,
                        std::uint64_t epoch) {
    const std::string at = std::to_string(port);
    text += idOf(port) + " 127.0.0.1:" + at + "@1" + at + " " + std::string(flags) + " " + master + " 0 0 " +
            std::to_string(epoch) + " connected";
  };
  for (const Shard& shard : shards) {
    line(shard.port, "master", "-", shard.epoch);
    if (shard.first >= 0) text += " " + std::to_string(shard.first) + "-" + std::to_string(shard.last);
    text += "\n";
    for (const std::uint16_t replica : shard.replicas) {
      line(replica, "slave", idOf(shard.port), shard.epoch);
      text += "\n";
    }
  }
  return text;
}

}  // namespace slotless::test
