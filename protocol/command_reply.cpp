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

void appendStatuses(std::string& out, const std::vector<std::string>& words) {
  appendArrayHeader(out, words.size());
  for (const std::string& word : words) appendSimple(out, word);
}

void appendNumbers(std::string& out, std::initializer_list<NumberField> fields) {
  for (const auto& [name, value] : fields) {
    appendBulk(out, name);
    appendInteger(out, value);
  }
}

// "begin_search" and "find_keys" look alike: a type, and a map of `fields` fields that the caller appends.
void appendSearchHead(std::string& out, std::string_view search, std::string_view type, std::size_t fields) {
  appendBulk(out, search);
  appendArrayHeader(out, 4);
  appendBulk(out, "type");
  appendBulk(out, type);
  appendBulk(out, "spec");
  appendArrayHeader(out, 2 * fields);
}

void appendBegin(std::string& out, const KeySpec& spec) {
  constexpr std::string_view kSearch = "begin_search";
  switch (spec.begin) {
    case KeySpec::Begin::Unknown: appendSearchHead(out, kSearch, "unknown", 0); break;
    case KeySpec::Begin::Index:
      appendSearchHead(out, kSearch, "index", 1);
      appendNumbers(out, {{"index", spec.index}});
      break;
    case KeySpec::Begin::Keyword:
      appendSearchHead(out, kSearch, "keyword", 2);
      appendBulk(out, "keyword");
      appendBulk(out, spec.keyword);
      appendNumbers(out, {{"startfrom", spec.startFrom}});
      break;
  }
}

void appendFind(std::string& out, const KeySpec& spec) {
  constexpr std::string_view kSearch = "find_keys";
  switch (spec.find) {
    case KeySpec::Find::Unknown: appendSearchHead(out, kSearch, "unknown", 0); break;
    case KeySpec::Find::Range:
      appendSearchHead(out, kSearch, "range", 3);
      appendNumbers(out, {{"lastkey", spec.lastKey}, {"keystep", spec.keyStep}, {"limit", spec.limit}});
      break;
    case KeySpec::Find::KeyNum:
      appendSearchHead(out, kSearch, "keynum", 3);
      appendNumbers(
          out, {{"keynumidx", spec.keyNumIndex}, {"firstkey", spec.firstKey}, {"keystep", spec.keyStep}});
      break;
  }
}

void appendKeySpec(std::string& out, const KeySpec& spec) {
  std::vector<std::string> flags;
  for (const auto& [name, bit] : kKeySpecFlagNames) {
    if ((spec.flags & bit) != 0) flags.emplace_back(name);
  }
  appendArrayHeader(out, spec.notes.empty() ? 6 : 8);
  if (!spec.notes.empty()) {
    appendBulk(out, "notes");
    appendBulk(out, spec.notes);
  }
  appendBulk(out, "flags");
  appendStatuses(out, flags);
  appendBegin(out, spec);
  appendFind(out, spec);
}

}  // namespace

void appendCommandInfo(std::string& out, const CommandSpec& spec) {
  appendArrayHeader(out, 10);
  appendBulk(out, spec.name);
  appendInteger(out, spec.arity);
  appendStatuses(out, spec.flagNames);
  for (const int position : {spec.firstKey, spec.lastKey, spec.keyStep}) appendInteger(out, position);
  appendStatuses(out, spec.categoryNames);
  appendArrayHeader(out, spec.tips.size());
  for (const std::string& tip : spec.tips) appendBulk(out, tip);
  appendArrayHeader(out, spec.keySpecs.size());
  for (const KeySpec& keySpec : spec.keySpecs) appendKeySpec(out, keySpec);
  appendArrayHeader(out, spec.subcommands.size());
  for (const CommandSpec& subcommand : spec.subcommands) appendCommandInfo(out, subcommand);
}

}  // namespace slotless::protocol
