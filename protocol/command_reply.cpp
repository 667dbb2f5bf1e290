#include "protocol/command_reply.h"

#include <initializer_list>
#include <string_view>
#include <vector>

#include "protocol/command_names.h"
#include "protocol/encoder.h"

namespace slotless::protocol {
namespace {

struct NumberField {
  std::string_view name;
  int value;
};

void appendStatuses(std::string& out, int protocol, const std::vector<std::string>& words) {
  appendSetHeader(out, protocol, words.size());
  for (const std::string& word : words) appendSimple(out, word);
}

void appendNumbers(std::string& out, std::initializer_list<NumberField> fields) {
  for (const auto& [name, value] : fields) {
    appendBulk(out, name);
    appendInteger(out, value);
  }
}

// "begin_search" and "find_keys" look alike: a type, and a map of `fields` fields that the caller appends.
void appendSearchHead(std::string& out, int protocol, std::string_view search, std::string_view type,
                      std::size_t fields) {
  appendBulk(out, search);
  appendMapHeader(out, protocol, 2);
  appendBulk(out, "type");
  appendBulk(out, type);
  appendBulk(out, "spec");
  appendMapHeader(out, protocol, fields);
}

void appendBegin(std::string& out, int protocol, const KeySpec& spec) {
  constexpr std::string_view kSearch = "begin_search";
  switch (spec.begin) {
    case KeySpec::Begin::Unknown: appendSearchHead(out, protocol, kSearch, "unknown", 0); break;
    case KeySpec::Begin::Index:
      appendSearchHead(out, protocol, kSearch, "index", 1);
      appendNumbers(out, {{"index", spec.index}});
      break;
    case KeySpec::Begin::Keyword:
      appendSearchHead(out, protocol, kSearch, "keyword", 2);
      appendBulk(out, "keyword");
      appendBulk(out, spec.keyword);
      appendNumbers(out, {{"startfrom", spec.startFrom}});
      break;
  }
}

void appendFind(std::string& out, int protocol, const KeySpec& spec) {
  constexpr std::string_view kSearch = "find_keys";
  switch (spec.find) {
    case KeySpec::Find::Unknown: appendSearchHead(out, protocol, kSearch, "unknown", 0); break;
    case KeySpec::Find::Range:
      appendSearchHead(out, protocol, kSearch, "range", 3);
      appendNumbers(out, {{"lastkey", spec.lastKey}, {"keystep", spec.keyStep}, {"limit", spec.limit}});
      break;
    case KeySpec::Find::KeyNum:
      appendSearchHead(out, protocol, kSearch, "keynum", 3);
      appendNumbers(
          out, {{"keynumidx", spec.keyNumIndex}, {"firstkey", spec.firstKey}, {"keystep", spec.keyStep}});
      break;
  }
}

void appendKeySpec(std::string& out, int protocol, const KeySpec& spec) {
  std::vector<std::string> flags;
  for (const auto& [name, bit] : kKeySpecFlagNames) {
    if ((spec.flags & bit) != 0) flags.emplace_back(name);
  }
  appendMapHeader(out, protocol, spec.notes.empty() ? 3 : 4);
  if (!spec.notes.empty()) {
    appendBulk(out, "notes");
    appendBulk(out, spec.notes);
  }
  appendBulk(out, "flags");
  appendStatuses(out, protocol, flags);
  appendBegin(out, protocol, spec);
  appendFind(out, protocol, spec);
}

}  // namespace

void appendCommandInfo(std::string& out, const CommandSpec& spec, int protocol, WithoutSubcommands without) {
  appendArrayHeader(out, 10);
  appendBulk(out, spec.name);
  appendInteger(out, spec.arity);
  appendStatuses(out, protocol, spec.flagNames);
  for (const int position : {spec.firstKey, spec.lastKey, spec.keyStep}) appendInteger(out, position);
  appendStatuses(out, protocol, spec.categoryNames);
  appendSetHeader(out, protocol, spec.tips.size());
  for (const std::string& tip : spec.tips) appendBulk(out, tip);
  appendSetHeader(out, protocol, spec.keySpecs.size());
  for (const KeySpec& keySpec : spec.keySpecs) appendKeySpec(out, protocol, keySpec);
  if (spec.subcommands.empty() && without == WithoutSubcommands::EmptySet)
    return appendSetHeader(out, protocol, 0);
  appendArrayHeader(out, spec.subcommands.size());
  for (const CommandSpec& subcommand : spec.subcommands)
    appendCommandInfo(out, subcommand, protocol, without);
}

}  // namespace slotless::protocol
