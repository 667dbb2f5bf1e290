#include "proxy/bigkeys/walk.h"

#include <optional>
#include <utility>
#include <vector>

#include "proxy/databases/database.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::bigkeys {

using subcommand::NodeClient;
using subcommand::Reply;

namespace {

constexpr std::uint64_t kPage = 100;

// The proxy's own, which come and go.
bool isOurOwn(std::string_view key) {
  return key.starts_with("~{");
}

struct Name {
  std::optional<std::uint32_t> database;
  std::string_view text;
};

// In the nodes' own databases keys are called as they are.
Name nameOf(const databases::Databases& databases, std::uint32_t number, std::string_view physical) {
  if (number > 0) return {number, physical};
  const databases::Database* const owner = databases.ownerOf(physical);
  if (owner == nullptr) return {std::nullopt, physical};
  return {owner->index, owner->mapped() ? owner->logicalName(physical) : physical};
}

// Both replies of each key. The error, or nothing.
std::string ask(NodeClient& client, const std::vector<std::string>& keys, std::uint64_t samples,
                std::vector<std::pair<Reply, Reply>>& replies) {
  const std::string count = std::to_string(samples);
  for (const std::string& key : keys) {
    client.append({"TYPE", key});
    client.append({"MEMORY", "USAGE", key, "SAMPLES", count});
  }
  if (const std::string error = client.send(); !error.empty()) return error;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Reply type = client.receive();
    Reply bytes = client.receive();
    if (bytes.isLost() || bytes.isError()) return bytes.text;
    replies.emplace_back(std::move(type), std::move(bytes));
  }
  return {};
}

}  // namespace

std::string walk(NodeClient& client, const databases::Databases& databases, std::uint32_t number,
                 const Pace& pace, Tally& tally) {
  const std::string node = client.url().host + ":" + std::to_string(client.url().port);
  std::string cursor = "0";
  do {
    const auto begun = std::chrono::steady_clock::now();
    const Reply page = client.command({"SCAN", cursor, "COUNT", std::to_string(kPage)});
    if (page.kind != Reply::Kind::Array || page.items.size() != 2) return page.text;
    cursor = page.items[0].text;
    std::vector<std::string> keys;
    for (const Reply& key : page.items[1].items) {
      if (!isOurOwn(key.text)) keys.push_back(key.text);
    }
    std::vector<std::pair<Reply, Reply>> replies;
    if (std::string error = ask(client, keys, pace.samples, replies); !error.empty()) return error;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto& [type, bytes] = replies[i];
      if (bytes.kind != Reply::Kind::Integer) continue;  // it has gone meanwhile
      const Name name = nameOf(databases, number, keys[i]);
      tally.add(name.database, type.text,
                {std::string(name.text), static_cast<std::uint64_t>(bytes.integer), protocol::slotOf(keys[i]),
                 node});
    }
    if (pace.keysPerSecond == 0 || cursor == "0") continue;
    const std::chrono::microseconds due(kPage * 1'000'000 / pace.keysPerSecond);
    const auto taken =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
    if (taken < due) pace.pause(due - taken);
  } while (cursor != "0");
  return {};
}

}  // namespace slotless::bigkeys
