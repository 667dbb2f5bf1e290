#include "proxy/migrate/command_sample.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/key_extraction.h"

namespace slotless::migrate {

using protocol::CommandSpec;
using protocol::Handling;

namespace {

std::optional<char> escaped(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'a': return '\a';
    case 'b': return '\b';
    case '"':
    case '\\': return c;
    default: return std::nullopt;
  }
}

// Reads one word in quotes; moves `text` behind it.
std::optional<std::string> quotedWord(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string word;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      word += text[i];
      continue;
    }
    ++i;
    unsigned char byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    if (text[i] == 'x' && digits.size() == 2 &&
        std::from_chars(digits.data(), digits.data() + 2, byte, 16).ptr == digits.data() + 2) {
      word += static_cast<char>(byte);
      i += 2;
    } else if (const auto plain = escaped(text[i])) {
      word += *plain;
    } else {
      return std::nullopt;
    }
  }
  if (i >= text.size()) return std::nullopt;
  text.remove_prefix(i + 1);
  return word;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

// Refused, though not for being a server's business only.
constexpr std::string_view kAlsoRefused[] = {"swapdb"};

bool isRefused(const CommandSpec& spec) {
  return spec.handling == Handling::Never ||
         std::find(std::begin(kAlsoRefused), std::end(kAlsoRefused), spec.name) != std::end(kAlsoRefused);
}

std::string where(std::uint32_t database) {
  return "database " + std::to_string(database);
}

}  // namespace

// 1339518083.107412 [0 127.0.0.1:60866] "keys" "*"
std::optional<SeenCommand> parseMonitorLine(std::string_view line) {
  const std::size_t open = line.find(" [");
  const std::size_t close = line.find("] \"", open);
  if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  const std::string_view inside = line.substr(open + 2, close - open - 2);
  SeenCommand seen;
  const auto number = std::from_chars(inside.data(), inside.data() + inside.size(), seen.database);
  if (number.ec != std::errc{} || number.ptr == inside.data() + inside.size() || *number.ptr != ' ')
    return std::nullopt;
  seen.client = inside.substr(static_cast<std::size_t>(number.ptr - inside.data()) + 1);
  std::string_view rest = line.substr(close + 2);
  while (!rest.empty()) {
    auto word = quotedWord(rest);
    if (!word) return std::nullopt;
    seen.words.push_back(*std::move(word));
    if (rest.starts_with(' ')) rest.remove_prefix(1);
  }
  if (seen.words.empty()) return std::nullopt;
  return seen;
}

CommandSample::CommandSample(const Places& places)
    : places_(places), table_(protocol::CommandTable::builtIn()) {}

void CommandSample::object(bool refused, const std::string& text, const std::string& example,
                           std::uint64_t count) {
  Objection& objection = objections_[text];
  objection.refused = refused;
  objection.text = text;
  if (objection.example.empty()) objection.example = example;
  objection.count += count;
}

void CommandSample::addCounted(std::string_view name, std::uint64_t calls) {
  const CommandSpec* const spec = table_->find(name);
  if (spec == nullptr) return;
  const std::string shown = upper(name);
  if (isRefused(*spec)) object(true, shown + " is refused behind the proxy", "", calls);
}

void CommandSample::judgeKeys(const SeenCommand& seen, const CommandSpec& spec,
                              const std::string& clientName) {
  const databases::Database& database = places_.databases().at(seen.database);
  // All in one slot, or the node's own.
  if (database.pinned() || database.layout == databases::Layout::Native) return;
  const std::vector<std::string_view> views(seen.words.begin(), seen.words.end());
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(spec, protocol::Argv(views), positions) != protocol::KeyResult::Ok) return;
  std::map<protocol::Slot, std::string> slots;
  for (const std::uint32_t position : positions)
    slots.emplace(database.slotOf(views[position]), views[position]);
  const std::string shown = upper(seen.words.front());
  const auto exampleOf = [&](const std::map<protocol::Slot, std::string>& found) {
    return clientName + ": keys " + found.begin()->second + " and " + std::next(found.begin())->second;
  };
  if (slots.size() > 1 && (spec.categories & protocol::kCategoryScripting) != 0) {
    object(true,
           where(seen.database) + ": " + shown +
               " over keys of several slots; a pinned or grouped layout takes it",
           exampleOf(slots));
  } else if (slots.size() > 1) {
    object(
        false,
        where(seen.database) + ": " + shown + " over keys of several slots, which is not done at one moment",
        exampleOf(slots));
  }
  const auto open = transactions_.find(seen.client);
  if (open == transactions_.end()) return;
  Transaction& transaction = open->second;
  const bool before = transaction.slots.size() > 1;
  transaction.slots.merge(slots);
  if (!before && transaction.slots.size() > 1)
    object(true,
           where(seen.database) + ": MULTI over keys of several slots; a pinned or grouped layout takes it",
           exampleOf(transaction.slots));
}

void CommandSample::add(const SeenCommand& seen, const std::string& clientName) {
  ++commands_;
  const std::vector<std::string_view> views(seen.words.begin(), seen.words.end());
  const CommandSpec* const spec = table_->find(protocol::Argv(views));
  if (spec == nullptr || seen.database >= places_.databases().size()) return;
  const std::string name = clientName.empty() ? seen.client : clientName;
  switch (spec->role) {
    case protocol::SessionRole::Multi: transactions_[seen.client] = {seen.database, {}}; return;
    case protocol::SessionRole::Exec:
    case protocol::SessionRole::Discard:
    case protocol::SessionRole::Reset: transactions_.erase(seen.client); return;
    default: break;
  }
  if (isRefused(*spec)) {
    object(true, upper(spec->name) + " is refused behind the proxy", name);
  } else if (seen.client != "lua") {
    judgeKeys(seen, *spec, name);
  }
}

}  // namespace slotless::migrate
