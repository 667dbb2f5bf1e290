#include "proxy/pubsub/keyspace_names.h"

#include <algorithm>
#include <charconv>

#include "protocol/glob.h"
#include "proxy/pubsub/keyspace.h"

namespace slotless::pubsub {

using databases::Database;

namespace {

struct Parts {
  bool ofKeyspace = false;
  std::string_view number;
  std::string_view rest;  // the key or the event
};

// nullopt: not spelled out up to the end of the number.
std::optional<Parts> partsOf(std::string_view name) {
  Parts parts;
  parts.ofKeyspace = name.starts_with(kKeyspaceWord);
  if (!parts.ofKeyspace && !name.starts_with(kKeyeventWord)) return std::nullopt;
  name.remove_prefix(kKeyspaceWord.size());
  const auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
  const auto digits = std::find_if_not(name.begin(), name.end(), isDigit) - name.begin();
  parts.number = name.substr(0, static_cast<std::size_t>(digits));
  name.remove_prefix(parts.number.size());
  if (parts.number.empty() || !name.starts_with(kDatabaseEnd)) return std::nullopt;
  parts.rest = name.substr(kDatabaseEnd.size());
  return parts;
}

// The asterisk takes any number, also the nodes'. What follows must not take a part of it.
bool isOfAllDatabases(std::string_view pattern) {
  if (!pattern.starts_with(kKeyeventWord)) return false;
  pattern.remove_prefix(kKeyeventWord.size());
  return pattern == "*" || pattern.starts_with("*_");
}

std::string text(std::initializer_list<std::string_view> pieces) {
  std::string out;
  for (const std::string_view piece : pieces) out += piece;
  return out;
}

}  // namespace

std::optional<std::string> renumbered(std::string_view name, const Renumber& renumber) {
  const auto parts = partsOf(name);
  std::uint32_t number = 0;
  if (!parts ||
      std::from_chars(parts->number.data(), parts->number.data() + parts->number.size(), number).ec !=
          std::errc{})
    return std::string(name);
  const auto other = renumber(number);
  if (!other) return std::nullopt;
  return text(
      {parts->ofKeyspace ? kKeyspaceWord : kKeyeventWord, std::to_string(*other), kDatabaseEnd, parts->rest});
}

const Database* KeyspaceNames::nativeOf(std::string_view channel) const noexcept {
  const auto parts = databases_.anyNative() ? partsOf(channel) : std::nullopt;
  const Database* found = parts ? databaseOf(parts->number) : nullptr;
  return found != nullptr && found->native() ? found : nullptr;
}

bool KeyspaceNames::isOfServer(std::string_view channel) const noexcept {
  return isNotification(channel) || nativeOf(channel) != nullptr;
}

bool KeyspaceNames::hides(std::string_view channel) const noexcept {
  return isOfOtherDatabase(channel) && nativeOf(channel) == nullptr;
}

bool KeyspaceNames::concernsEveryServer(TopicKind kind, std::string_view name) const noexcept {
  if (kind == TopicKind::Shard) return false;
  if (!same()) return isOfServer(name) || (kind == TopicKind::Pattern && isOfAllDatabases(name));
  return kind == TopicKind::Pattern ? canMatchKeyspace(name) : isKeyspaceChannel(name);
}

const Database* KeyspaceNames::databaseOf(std::string_view number) const noexcept {
  std::size_t index = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), index);
  const bool canonical = number == "0" || number.front() != '0';
  if (parsed.ec != std::errc{} || !canonical || index >= databases_.size()) return nullptr;
  const Database& found = databases_.at(index);
  return found.layout == databases::Layout::Denied ? nullptr : &found;
}

std::vector<TopicName> KeyspaceNames::sourcesOf(TopicKind kind, std::string_view name) const {
  if (kind == TopicKind::Shard) return {};
  if (const auto parts = partsOf(name)) {
    const Database* database = databaseOf(parts->number);
    if (database == nullptr) return {};
    if (database->native()) return {{kind, std::string(name)}};
    if (parts->ofKeyspace) {
      // What stands in front has no characters that mean something else in a pattern.
      return {
          {kind, text({kNodeKeyspace, kind == TopicKind::Pattern ? database->physicalPattern(parts->rest)
                                                                 : database->physicalName(parts->rest)})}};
    }
    return {{kind, text({kNodeKeyevent, parts->rest})}};
  }
  if (kind != TopicKind::Pattern) return {};
  if (isOfAllDatabases(name)) return {{kind, std::string(name)}};
  std::vector<TopicName> sources;
  for (const std::string_view word : {kKeyspaceWord, kKeyeventWord}) {
    if (!protocol::canMatchPrefix(name, word)) continue;
    sources.push_back({kind, text({word, "0", kDatabaseEnd, "*"})});
    for (const Database& each : databases_.all()) {
      if (each.native())
        sources.push_back({kind, text({word, std::to_string(each.index), kDatabaseEnd, "*"})});
    }
  }
  return sources;
}

std::optional<Notification> KeyspaceNames::translate(std::string_view channel,
                                                     std::string_view payload) const {
  if (nativeOf(channel) != nullptr) {
    if (isAboutOperand(channel, payload)) return std::nullopt;
    return Notification{std::string(channel), payload};
  }
  const std::string_view behind = channel.substr(kNodeKeyspace.size());
  const bool ofKeyspace = channel.starts_with(kKeyspaceWord);
  const std::string_view physical = ofKeyspace ? behind : payload;
  const Database* owner = databases_.ownerOf(physical);
  if (owner == nullptr) return std::nullopt;
  const std::string_view key = owner->logicalName(physical);
  return Notification{text({ofKeyspace ? kKeyspaceWord : kKeyeventWord, std::to_string(owner->index),
                            kDatabaseEnd, ofKeyspace ? key : behind}),
                      ofKeyspace ? payload : key};
}

}  // namespace slotless::pubsub
