#include "proxy/discovery/command_reply_parser.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

#include "protocol/command_facts.h"
#include "protocol/command_names.h"
#include "proxy/cluster/learned_facts.h"
#include "proxy/upstream/reply_view.h"

namespace slotless::discovery {

using protocol::CommandSpec;
using protocol::KeySpec;
using upstream::isList;
using upstream::textOf;
using upstream::valueOf;

namespace {

// Far beyond what any server has; below it no sum of positions overflows.
constexpr long long kMaxNumber = 1'000'000;
constexpr std::size_t kMaxCommands = 8192;
constexpr std::size_t kMaxNameBytes = 128;

enum Field : std::size_t {
  kName,
  kArity,
  kFlags,
  kFirst,
  kLast,
  kStep,
  kCategories,
  kTips,
  kKeySpecs,
  kSubcommands
};
constexpr std::size_t kFieldsOfRedis5 = 6;

// Unlike textOf() it tells an empty text from what is none.
std::optional<std::string_view> wordOf(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_STRING && reply.type != REDIS_REPLY_STATUS) return std::nullopt;
  return textOf(&reply);
}

bool takeNumber(const redisReply& reply, int& number) {
  if (reply.type != REDIS_REPLY_INTEGER || reply.integer > kMaxNumber || reply.integer < -kMaxNumber)
    return false;
  number = static_cast<int>(reply.integer);
  return true;
}

bool takeTexts(const redisReply& reply, std::vector<std::string>& texts) {
  if (!isList(reply)) return false;
  for (std::size_t i = 0; i < reply.elements; ++i) {
    const auto text = wordOf(*reply.element[i]);
    if (!text) return false;
    texts.emplace_back(*text);
  }
  return true;
}

bool takeNumberOf(const redisReply& map, std::string_view key, int& number) {
  const redisReply* value = valueOf(&map, key);
  return value != nullptr && takeNumber(*value, number);
}

// A type that is not known here stays Unknown: then a server is asked for the keys.
bool takeBegin(const redisReply& search, KeySpec& spec) {
  const std::string_view type = textOf(valueOf(&search, "type"));
  const redisReply* fields = valueOf(&search, "spec");
  if (fields == nullptr) return false;
  if (type == "index") {
    spec.begin = KeySpec::Begin::Index;
    return takeNumberOf(*fields, "index", spec.index);
  }
  if (type == "keyword") {
    spec.begin = KeySpec::Begin::Keyword;
    spec.keyword = textOf(valueOf(fields, "keyword"));
    return !spec.keyword.empty() && takeNumberOf(*fields, "startfrom", spec.startFrom);
  }
  return !type.empty();
}

bool takeFind(const redisReply& search, KeySpec& spec) {
  const std::string_view type = textOf(valueOf(&search, "type"));
  const redisReply* fields = valueOf(&search, "spec");
  if (fields == nullptr) return false;
  if (type == "range") {
    spec.find = KeySpec::Find::Range;
    return takeNumberOf(*fields, "lastkey", spec.lastKey) && takeNumberOf(*fields, "keystep", spec.keyStep) &&
           takeNumberOf(*fields, "limit", spec.limit);
  }
  if (type == "keynum") {
    spec.find = KeySpec::Find::KeyNum;
    return takeNumberOf(*fields, "keynumidx", spec.keyNumIndex) &&
           takeNumberOf(*fields, "firstkey", spec.firstKey) && takeNumberOf(*fields, "keystep", spec.keyStep);
  }
  return !type.empty();
}

bool takeKeySpec(const redisReply& reply, KeySpec& spec) {
  const redisReply* flags = valueOf(&reply, "flags");
  const redisReply* begin = valueOf(&reply, "begin_search");
  const redisReply* find = valueOf(&reply, "find_keys");
  std::vector<std::string> words;
  if (flags == nullptr || begin == nullptr || find == nullptr || !takeTexts(*flags, words)) return false;
  for (const auto& [name, bit] : protocol::kKeySpecFlagNames) {
    if (std::find(words.begin(), words.end(), name) != words.end()) spec.flags |= bit;
  }
  spec.notes = textOf(valueOf(&reply, "notes"));
  return takeBegin(*begin, spec) && takeFind(*find, spec);
}

// It will stand in error lines, logs and metrics.
bool isName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isgraph(c) != 0; });
}

bool takeName(const redisReply& reply, const CommandSpec* container, std::string& name) {
  const auto text = wordOf(reply);
  if (!text || !isName(*text)) return false;
  name = *text;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (container == nullptr) return true;
  if (name.find('|') == std::string::npos) name.insert(0, container->name + '|');
  return name.starts_with(container->name + '|');
}

bool takeCommand(const redisReply& reply, const CommandSpec* container, CommandSpec& spec,
                 std::size_t& left) {
  if (left == 0 || !isList(reply) || reply.elements < kFieldsOfRedis5) return false;
  --left;
  const auto field = [&](Field number) -> const redisReply& { return *reply.element[number]; };
  if (!takeName(field(kName), container, spec.name) || !takeNumber(field(kArity), spec.arity) ||
      !takeTexts(field(kFlags), spec.flagNames) || !takeNumber(field(kFirst), spec.firstKey) ||
      !takeNumber(field(kLast), spec.lastKey) || !takeNumber(field(kStep), spec.keyStep)) {
    return false;
  }
  if (reply.elements > kCategories && !takeTexts(field(kCategories), spec.categoryNames)) return false;
  if (reply.elements <= kSubcommands) {
    cluster::completeByBuiltIn(spec);
    return true;
  }
  if (!takeTexts(field(kTips), spec.tips) || !isList(field(kKeySpecs)) || !isList(field(kSubcommands)))
    return false;
  for (std::size_t i = 0; i < field(kKeySpecs).elements; ++i) {
    if (!takeKeySpec(*field(kKeySpecs).element[i], spec.keySpecs.emplace_back())) return false;
  }
  for (std::size_t i = 0; i < field(kSubcommands).elements; ++i) {
    const bool nested = container != nullptr;
    if (nested ||
        !takeCommand(*field(kSubcommands).element[i], &spec, spec.subcommands.emplace_back(), left)) {
      return false;
    }
  }
  return true;
}

}  // namespace

void addGroups(const redisReply& list, std::vector<CommandSpec>& facts) {
  std::vector<std::string> words;
  if (!isList(list) || !takeTexts(list, words)) return;
  std::map<std::string_view, std::string_view> groups;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) groups[words[i]] = words[i + 1];
  for (CommandSpec& spec : facts) {
    const auto found = groups.find(spec.name);
    if (found == groups.end() || !isName(found->second)) continue;
    spec.group = found->second;
    for (CommandSpec& subcommand : spec.subcommands) subcommand.group = spec.group;
  }
}

std::optional<std::vector<CommandSpec>> parseCommandReply(const redisReply& reply) {
  if (!isList(reply) || reply.elements == 0) return std::nullopt;
  std::vector<CommandSpec> facts;
  std::size_t left = kMaxCommands;
  for (std::size_t i = 0; i < reply.elements; ++i) {
    CommandSpec spec;
    if (!takeCommand(*reply.element[i], nullptr, spec, left)) return std::nullopt;
    // A module of an old server may have given its command a name that nobody can handle.
    if (spec.name.find('|') == std::string::npos) facts.push_back(std::move(spec));
  }
  return facts;
}

}  // namespace slotless::discovery
