#include "proxy/databases/info_keyspace.h"

#include <charconv>
#include <map>

#include "proxy/databases/scripts.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::databases {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kFirst = "\r\ndb0:keys=";

std::uint64_t numberAt(std::string_view text, std::size_t at) {
  std::uint64_t number = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), number);
  return number;
}

std::string lineOf(std::uint32_t index, std::uint64_t keys) {
  return "db" + std::to_string(index) + ":keys=" + std::to_string(keys) + ",expires=0,avg_ttl=0\r\n";
}

}  // namespace

std::vector<std::string> infoRequest(const std::vector<std::string>& sections, const Databases& databases,
                                     std::string_view eval) {
  std::vector<std::string> words = {std::string(eval), std::string(scripts::kNodeInfo), "0",
                                    std::to_string(sections.size())};
  words.insert(words.end(), sections.begin(), sections.end());
  for (const Database& database : databases.all()) {
    if (!database.pinned()) continue;
    words.push_back(std::to_string(database.slot));
    words.push_back(database.prefix);
  }
  return words;
}

NodeInfo parseNodeInfo(std::string_view reply) {
  NodeInfo info;
  const auto elements = routing::isListReply(reply) ? routing::elementsOf(reply) : std::nullopt;
  const auto text = elements && !elements->empty() ? routing::textOf(elements->front()) : std::nullopt;
  if (!text) return info;
  info.text = *text;
  for (std::size_t i = 1; i < elements->size(); ++i) {
    info.keys.push_back(static_cast<std::uint64_t>(routing::integerOf((*elements)[i]).value_or(0)));
  }
  info.valid = true;
  return info;
}

std::string withDatabases(const std::string& info, const Databases& databases, const Numbering& numbering,
                          const std::vector<std::uint64_t>& keys) {
  std::uint64_t others = 0;
  for (const std::uint64_t count : keys) others += count;
  const std::size_t at = info.find(kFirst);
  const bool asIs = others == 0 && numbering.same();
  if (asIs || at == std::string::npos) return info;
  const std::size_t begin = at + kLineEnd.size();
  const std::size_t end =
      std::min(info.find(kLineEnd, begin), info.size() - kLineEnd.size()) + kLineEnd.size();
  const std::uint64_t all = numberAt(info, at + kFirst.size());
  std::map<std::uint32_t, std::uint64_t> counts;  // by the client's numbers
  std::size_t next = 0;
  for (const Database& database : databases.all()) {
    std::uint64_t count = all > others ? all - others : 0;  // database 0, when it has all that is left
    if (database.pinned()) {
      count = next < keys.size() ? keys[next] : 0;
      ++next;
    } else if (database.index != 0) {
      continue;
    }
    const auto number = numbering.numberOf(database);
    if (number && count > 0) counts[*number] = count;
  }
  std::string lines;
  for (const auto& [number, count] : counts) lines += lineOf(number, count);
  return info.substr(0, begin) + lines + info.substr(end);
}

}  // namespace slotless::databases
