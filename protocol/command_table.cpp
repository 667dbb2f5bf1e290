#include "protocol/command_table.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "protocol/command_derivation.h"
#include "protocol/command_facts.h"
#include "protocol/command_ids.h"
#include "protocol/command_overrides.h"
#include "protocol/module_keys.h"

namespace slotless::protocol {
namespace {

constexpr std::size_t kWordBytes = 8;

template <typename Word>
std::uint64_t load(const char* bytes) noexcept {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// The first eight bytes, or all of them if they are fewer: overlapping loads, which are unambiguous because
// keys of different sizes are never compared.
std::uint64_t loadWord(const char* bytes, std::size_t size) noexcept {
  if (size >= kWordBytes) return load<std::uint64_t>(bytes);
  if (size >= 4) return load<std::uint32_t>(bytes) | load<std::uint32_t>(bytes + size - 4) << 32U;
  return load<std::uint8_t>(bytes) | load<std::uint8_t>(bytes + size / 2) << 8U |
         load<std::uint8_t>(bytes + size - 1) << 16U;
}

// Sets bit 5 of each byte from 'A' to 'Z', all eight at once: adding makes a byte's top bit tell whether it
// is at or beyond a bound, and bytes outside of ASCII are masked out.
std::uint64_t lowerWord(std::uint64_t word) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kTop = 0x80 * kOnes;
  const std::uint64_t low7 = word & ~kTop;
  const std::uint64_t fromA = low7 + (0x80 - 'A') * kOnes;
  const std::uint64_t beyondZ = low7 + (0x7F - 'Z') * kOnes;
  return word | (((fromA & ~beyondZ & ~word & kTop)) >> 2U);
}

std::size_t hashOf(std::string_view key, const CommandSpec* container) noexcept {
  std::uint64_t hash = key.size() + (container == nullptr ? 0 : std::uint64_t{container->id} << 32U);
  for (std::size_t at = 0; at < key.size(); at += kWordBytes) {
    hash = (hash ^ lowerWord(loadWord(key.data() + at, key.size() - at))) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32U;
  }
  return static_cast<std::size_t>(hash);
}

// `known` is in lower case.
bool equal(std::string_view known, std::string_view key) noexcept {
  if (known.size() != key.size()) return false;
  for (std::size_t at = 0; at < key.size(); at += kWordBytes) {
    const std::size_t left = key.size() - at;
    if (loadWord(known.data() + at, left) != lowerWord(loadWord(key.data() + at, left))) return false;
  }
  return true;
}

std::string_view behindBar(std::string_view name) noexcept {
  return name.substr(name.find('|') + 1);
}

void addMissing(std::vector<CommandSpec>& commands) {
  for (const std::string_view line : addedFactLines()) {
    std::optional<CommandSpec> added = parseFactLine(line);
    const auto named = [](std::string_view name) {
      return [name](const CommandSpec& s) { return s.name == name; };
    };
    const std::string container = added->name.substr(0, added->name.find('|'));
    const auto parent = std::find_if(commands.begin(), commands.end(), named(container));
    if (parent == commands.end()) continue;
    auto& siblings = parent->subcommands;
    if (std::none_of(siblings.begin(), siblings.end(), named(added->name)))
      siblings.push_back(std::move(*added));
  }
}

}  // namespace

CommandTable::CommandTable(std::vector<CommandSpec> facts) : commands_(std::move(facts)) {
  addMissing(commands_);
  const auto visit = [this](const std::function<void(CommandSpec&, CommandSpec*)>& each) {
    for (CommandSpec& command : commands_) {
      each(command, nullptr);
      for (CommandSpec& subcommand : command.subcommands) each(subcommand, &command);
    }
  };
  std::size_t count = 0;
  visit([this, &count](CommandSpec& spec, CommandSpec*) {
    correctKeys(spec);
    derive(spec, findOverride(spec.name));
    spec.id = CommandIds::ofProcess().idOf(spec.name);
    idCount_ = std::max(idCount_, spec.id + std::size_t{1});
    ++count;
  });
  // At most half full: an unknown name, too, is soon decided.
  buckets_.resize(std::bit_ceil(2 * count + 1));
  visit([this](CommandSpec& spec, CommandSpec* container) {
    insert(container == nullptr ? std::string_view(spec.name) : behindBar(spec.name), container, spec);
  });
}

std::shared_ptr<const CommandTable> CommandTable::builtIn() {
  static const auto table = std::make_shared<const CommandTable>(builtInFacts());
  return table;
}

void CommandTable::insert(std::string_view key, const CommandSpec* container, const CommandSpec& spec) {
  if (lookUp(key, container) != nullptr) return;
  longestKey_ = std::max(longestKey_, key.size());
  const std::size_t mask = buckets_.size() - 1;
  std::size_t at = hashOf(key, container) & mask;
  while (buckets_[at].spec != nullptr) at = (at + 1) & mask;
  buckets_[at] = {key, container, &spec};
}

const CommandSpec* CommandTable::lookUp(std::string_view key, const CommandSpec* container) const noexcept {
  if (key.size() > longestKey_) return nullptr;  // a client's name may be megabytes long
  const std::size_t mask = buckets_.size() - 1;
  for (std::size_t at = hashOf(key, container) & mask; buckets_[at].spec != nullptr; at = (at + 1) & mask) {
    const Bucket& bucket = buckets_[at];
    if (bucket.container == container && equal(bucket.key, key)) return bucket.spec;
  }
  return nullptr;
}

const CommandSpec* CommandTable::find(std::string_view name) const noexcept {
  const std::size_t bar = name.find('|');
  if (bar == std::string_view::npos) return lookUp(name, nullptr);
  const CommandSpec* container = lookUp(name.substr(0, bar), nullptr);
  return container == nullptr ? nullptr : lookUp(name.substr(bar + 1), container);
}

const CommandSpec* CommandTable::find(Argv argv, const CommandSpec** container) const noexcept {
  if (container != nullptr) *container = nullptr;
  if (argv.empty()) return nullptr;
  const CommandSpec* command = lookUp(argv[0], nullptr);
  if (command == nullptr || command->subcommands.empty() || argv.size() == 1) return command;
  const CommandSpec* subcommand = lookUp(argv[1], command);
  if (subcommand == nullptr && container != nullptr) *container = command;
  return subcommand;
}

}  // namespace slotless::protocol
