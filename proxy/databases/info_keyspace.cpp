#include "proxy/databases/info_keyspace.h"

#include <charconv>
#include <map>

#include "proxy/databases/scripts.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::databases {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kTitle = "# Keyspace\r\n";
constexpr std::string_view kKeys = "keys=";
constexpr std::string_view kColonKeys = ":keys=";

std::uint64_t numberAt(std::string_view text, std::size_t at) {
  std::uint64_t number = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), number);
  return number;
}

std::string lineOf(std::uint64_t keys) {
  return "keys=" + std::to_string(keys) + ",expires=0,avg_ttl=0";
}

// The lines about databases, which stand together: by number, without it.
struct Section {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::map<std::uint32_t, std::string_view> lines;
};

Section sectionOf(std::string_view info) {
  Section section;
  const std::size_t title = info.find(kTitle);
  if (title == std::string_view::npos) return section;
  section.begin = section.end = title + kTitle.size();
  while (section.end < info.size()) {
    const std::string_view rest = info.substr(section.end);
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(rest.data() + std::min<std::size_t>(2, rest.size()),
                                        rest.data() + rest.size(), number);
    const std::size_t end = rest.find(kLineEnd);
    const auto colon = static_cast<std::size_t>(parsed.ptr - rest.data());
    if (!rest.starts_with("db") || parsed.ec != std::errc{} || end == std::string_view::npos ||
        !rest.substr(colon).starts_with(kColonKeys))
      break;
    section.lines[number] = rest.substr(colon + 1, end - colon - 1);
    section.end += end + kLineEnd.size();
  }
  return section;
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
  const Section section = sectionOf(info);
  if (section.lines.empty()) return info;
  std::uint64_t others = 0;
  for (const std::uint64_t count : keys) others += count;
  std::map<std::uint32_t, std::string> lines;  // by the client's numbers
  std::size_t next = 0;
  for (const Database& database : databases.all()) {
    std::uint64_t count = 0;
    std::string_view told;
    if (database.pinned()) {
      count = next < keys.size() ? keys[next] : 0;
      ++next;
    } else if (database.native() || database.index == 0) {
      const auto found = section.lines.find(database.index);
      if (found == section.lines.end()) continue;
      told = found->second;
      const std::uint64_t all = numberAt(told, kKeys.size());
      const std::uint64_t foreign = database.native() ? 0 : others;
      count = all > foreign ? all - foreign : 0;  // database 0, when it has all that is left
      if (foreign > 0) told = {};
    }
    const auto number = numbering.numberOf(database);
    if (number && count > 0) lines[*number] = told.empty() ? lineOf(count) : std::string(told);
  }
  std::string text;
  for (const auto& [number, line] : lines) {
    text.append("db").append(std::to_string(number)).append(":").append(line).append(kLineEnd);
  }
  return info.substr(0, section.begin) + text + info.substr(section.end);
}

}  // namespace slotless::databases
