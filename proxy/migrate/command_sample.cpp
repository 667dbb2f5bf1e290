#include "proxy/migrate/command_sample.h"

#include <algorithm>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/key_extraction.h"

namespace slotless::migrate {

using protocol::CommandSpec;
using protocol::Handling;

namespace {

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
