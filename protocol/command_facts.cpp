#include "protocol/command_facts.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string>
#include <utility>

#include "protocol/command_names.h"

namespace slotless::protocol {
namespace {

constexpr std::string_view kLines[] = {
#include "protocol/command_facts.inc"
};

// Takes the text up to `separator` off the front of `text`.
std::string_view takeUpTo(std::string_view& text, std::string_view separator) {
  const std::size_t end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
  return taken;
}

std::string_view takeField(std::string_view& line) {
  std::string_view field = takeUpTo(line, ";");
  if (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  return field;
}

bool takeNumber(std::string_view& words, int& number) {
  const std::string_view word = takeUpTo(words, " ");
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc{} && end == word.data() + word.size();
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) result.emplace_back(takeUpTo(text, " "));
  return result;
}

bool parseFlags(std::string_view text, std::uint32_t& flags) {
  while (!text.empty()) {
    const std::string_view word = takeUpTo(text, " ");
    const auto known = std::find_if(kKeySpecFlagNames.begin(), kKeySpecFlagNames.end(),
                                    [&](const auto& flag) { return flag.name == word; });
    if (known == kKeySpecFlagNames.end()) return false;
    flags |= known->value;
  }
  return true;
}

bool parseBegin(std::string_view text, KeySpec& spec) {
  const std::string_view type = takeUpTo(text, " ");
  if (type == "index") {
    spec.begin = KeySpec::Begin::Index;
    return takeNumber(text, spec.index);
  }
  if (type == "keyword") {
    spec.begin = KeySpec::Begin::Keyword;
    spec.keyword = takeUpTo(text, " ");
    return takeNumber(text, spec.startFrom);
  }
  return type == "unknown";
}

bool parseFind(std::string_view text, KeySpec& spec) {
  const std::string_view type = takeUpTo(text, " ");
  if (type == "range") {
    spec.find = KeySpec::Find::Range;
    return takeNumber(text, spec.lastKey) && takeNumber(text, spec.keyStep) && takeNumber(text, spec.limit);
  }
  if (type == "keynum") {
    spec.find = KeySpec::Find::KeyNum;
    return takeNumber(text, spec.keyNumIndex) && takeNumber(text, spec.firstKey) &&
           takeNumber(text, spec.keyStep);
  }
  return type == "unknown";
}

bool parseKeySpec(std::string_view text, KeySpec& spec) {
  const std::string_view flags = takeUpTo(text, ": ");
  const std::string_view begin = takeUpTo(text, ": ");
  const std::string_view find = takeUpTo(text, ": ");
  spec.notes = text;
  return parseFlags(flags, spec.flags) && parseBegin(begin, spec) && parseFind(find, spec);
}

}  // namespace

std::span<const std::string_view> builtInFactLines() noexcept {
  return kLines;
}

std::optional<CommandSpec> parseFactLine(std::string_view line) {
  CommandSpec spec;
  std::string_view head = takeField(line);
  spec.name = takeUpTo(head, " ");
  spec.flagNames = words(takeField(line));
  std::string_view range = takeField(line);
  if (spec.name.empty() || !takeNumber(head, spec.arity) || !takeNumber(range, spec.firstKey) ||
      !takeNumber(range, spec.lastKey) || !takeNumber(range, spec.keyStep)) {
    return std::nullopt;
  }
  spec.categoryNames = words(takeField(line));
  spec.tips = words(takeField(line));
  while (!line.empty()) {
    if (!parseKeySpec(takeField(line), spec.keySpecs.emplace_back())) return std::nullopt;
  }
  return spec;
}

std::vector<CommandSpec> builtInFacts() {
  std::vector<CommandSpec> facts;
  for (const std::string_view line : kLines) {
    std::optional<CommandSpec> spec = parseFactLine(line);
    // Only a wrongly generated file gets here, and every test and every start would show it.
    if (!spec) throw std::logic_error("malformed command fact: " + std::string(line));
    const bool isSubcommand = spec->name.find('|') != std::string::npos;
    (isSubcommand ? facts.back().subcommands : facts).push_back(std::move(*spec));
  }
  return facts;
}

}  // namespace slotless::protocol
