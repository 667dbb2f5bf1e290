#include "proxy/doctor/key_probe.h"

#include <algorithm>
#include <string>

#include "proxy/databases/database.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::doctor {

namespace {

constexpr std::size_t kPage = 100;
constexpr std::size_t kKept = 10;
constexpr std::size_t kExamples = 3;

// Of the keys of one page, in their order; nothing where it is denied or the key has gone.
std::vector<std::int64_t> askEach(subcommand::NodeClient& client, const std::vector<std::string>& keys,
                                  std::string_view container, std::string_view subcommand) {
  for (const std::string& key : keys) client.append({container, subcommand, key});
  std::vector<std::int64_t> numbers;
  if (!client.send().empty()) return numbers;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const subcommand::Reply reply = client.receive();
    numbers.push_back(reply.kind == subcommand::Reply::Kind::Integer ? reply.integer : -1);
  }
  return numbers;
}

template <typename Entry, typename Less>
void keepLargest(std::vector<Entry>& entries, Entry entry, Less less) {
  entries.insert(std::upper_bound(entries.begin(), entries.end(), entry, less), std::move(entry));
  if (entries.size() > kKept) entries.pop_back();
}

class Sampler {
 public:
  Sampler(subcommand::NodeClient& client, const databases::Databases& databases, bool countsUse)
      : client_(client), databases_(databases), countsUse_(countsUse) {}

  void look(const std::vector<std::string>& keys) {
    sample_.looked += keys.size();
    for (const std::string& key : keys) {
      if (!isStranger(databases_, key)) continue;
      ++sample_.strangers;
      if (sample_.strangerExamples.size() < kExamples) sample_.strangerExamples.push_back(key);
    }
    const auto sizes = askEach(client_, keys, "MEMORY", "USAGE");
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i] < 0) continue;
      keepLargest(sample_.largest, SizedKey{keys[i], static_cast<std::uint64_t>(sizes[i])},
                  [](const SizedKey& a, const SizedKey& b) { return a.bytes > b.bytes; });
    }
    if (!countsUse_) return;
    const auto uses = askEach(client_, keys, "OBJECT", "FREQ");
    for (std::size_t i = 0; i < uses.size(); ++i) {
      if (uses[i] < 0) continue;
      keepLargest(sample_.hottest, HotKey{keys[i], static_cast<std::uint64_t>(uses[i])},
                  [](const HotKey& a, const HotKey& b) { return a.frequency > b.frequency; });
    }
  }

  KeySample take() { return std::move(sample_); }
  std::uint64_t looked() const noexcept { return sample_.looked; }

 private:
  subcommand::NodeClient& client_;
  const databases::Databases& databases_;
  const bool countsUse_;
  KeySample sample_;
};

}  // namespace

bool isStranger(const databases::Databases& databases, std::string_view key) {
  // The proxy's own, which come and go.
  if (key.starts_with("~{")) return false;
  return databases.ownerOf(key) == nullptr;
}

KeySample sampleKeys(subcommand::NodeClient& client, const databases::Databases& databases,
                     std::uint64_t most, bool countsUse) {
  Sampler sampler(client, databases, countsUse);
  std::string cursor = "0";
  // A table that is nearly empty has many places without keys.
  for (std::uint64_t pages = 0; sampler.looked() < most && pages < most; ++pages) {
    const subcommand::Reply page = client.command({"SCAN", cursor, "COUNT", std::to_string(kPage)});
    if (page.kind != subcommand::Reply::Kind::Array || page.items.size() != 2) break;
    std::vector<std::string> keys;
    for (const subcommand::Reply& key : page.items[1].items) keys.push_back(key.text);
    if (!keys.empty()) sampler.look(keys);
    cursor = page.items[0].text;
    if (cursor == "0") break;
  }
  return sampler.take();
}

}  // namespace slotless::doctor
