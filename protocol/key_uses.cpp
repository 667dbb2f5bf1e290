#include "protocol/key_uses.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "protocol/ascii.h"

namespace slotless::protocol {
namespace {

constexpr std::uint32_t kReads = kKeyReadOnly | kKeyAccess;
constexpr std::uint32_t kStores = kKeyOverwrite | kKeyUpdate;
constexpr std::uint32_t kBoth = kKeyReadWrite | kKeyAccess | kKeyUpdate;

// SET reads with its option GET only.
std::uint32_t flagsOfSet(Argv argv) {
  const auto isGet = [](std::string_view argument) { return equalsIgnoringCase(argument, "get"); };
  return argv.size() > 3 && std::any_of(argv.begin() + 3, argv.end(), isGet) ? kBoth : kStores;
}

// BITFIELD changes nothing if all that it does is GET.
std::uint32_t flagsOfBitfield(Argv argv) {
  struct Operation {
    std::string_view name;
    std::size_t arguments;
  };
  static constexpr Operation kReading[] = {{"get", 2}, {"overflow", 1}};
  for (std::size_t i = 2; i < argv.size(); ++i) {
    const auto* const found = std::find_if(std::begin(kReading), std::end(kReading), [&](const auto& each) {
      return equalsIgnoringCase(argv[i], each.name);
    });
    if (found == std::end(kReading) || argv.size() - i - 1 < found->arguments) return kBoth;
    i += found->arguments;
  }
  return kReads;
}

// Commands whose key specification has variable flags.
struct VariableUse {
  std::string_view command;
  std::uint32_t (*flags)(Argv);
};
constexpr VariableUse kVariable[] = {{"set", flagsOfSet}, {"bitfield", flagsOfBitfield}};

std::uint32_t flagsOf(const CommandSpec& spec, const KeySpec& keySpec, Argv argv) {
  if ((keySpec.flags & kKeyVariableFlags) == 0) return keySpec.flags;
  const auto* const found = std::find_if(std::begin(kVariable), std::end(kVariable),
                                         [&](const VariableUse& each) { return each.command == spec.name; });
  return found == std::end(kVariable) ? kBoth : found->flags(argv);
}

// What the procedures find: the first key is read, all others are stored into.
std::uint32_t flagsOfProcedure(const CommandSpec& spec, std::size_t ordinal) {
  switch (spec.keyProcedure) {
    case KeyProcedure::Sort:
    case KeyProcedure::GeoRadius: return ordinal == 0 ? kReads : kStores;
    case KeyProcedure::Streams: return kReads;  // XREADGROUP as well
    default: return spec.has(kReadOnly) ? kReads : kBoth;
  }
}

void addAll(const std::vector<std::uint32_t>& positions, std::uint32_t flags, std::vector<KeyUse>& uses) {
  for (const std::uint32_t position : positions) uses.push_back({position, flags});
}

}  // namespace

KeyResult keyUses(const CommandSpec& spec, Argv argv, std::vector<KeyUse>& uses) {
  uses.clear();
  std::vector<std::uint32_t> positions;
  const bool bySpecs = spec.keyProcedure == KeyProcedure::BySpecs && !spec.keySpecs.empty();
  if (!bySpecs) {
    if (keyPositions(spec, argv, positions) != KeyResult::Ok) return KeyResult::Invalid;
    for (std::size_t i = 0; i < positions.size(); ++i)
      uses.push_back({positions[i], flagsOfProcedure(spec, i)});
    return KeyResult::Ok;
  }
  for (const KeySpec& keySpec : spec.keySpecs) {
    if (keyPositionsOf(keySpec, argv, positions) != KeyResult::Ok) return KeyResult::Invalid;
    if ((keySpec.flags & kKeyNotKey) == 0) addAll(positions, flagsOf(spec, keySpec, argv), uses);
  }
  return KeyResult::Ok;
}

}  // namespace slotless::protocol
