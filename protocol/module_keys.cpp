#include "protocol/module_keys.h"

#include <algorithm>
#include <string_view>

#include "protocol/ascii.h"

namespace slotless::protocol {

namespace {

// From one position on, as a range.
struct ModuleKeys {
  std::string_view name;  // a container's row holds for its subcommands
  int first;
  int last;  // negative: from the end; 0: it is the only one
  int step;
  std::uint32_t flags;
};
// RedisJSON reports the first key only, and a node would look for the others in vain: of JSON.MGET all but
// the last argument are keys, of JSON.MSET each third one. The name of an index is no key; but its slot
// decides about one node, which has the cursor, and the same for all clients.
constexpr ModuleKeys kModuleKeys[] = {
    {"ft.aggregate", 1, 0, 1, kKeyNotKey},
    {"ft.cursor", 2, 0, 1, kKeyNotKey},
    {"ft.hybrid", 1, 0, 1, kKeyNotKey},
    {"json.mget", 1, -2, 1, kKeyReadOnly | kKeyAccess},
    {"json.mset", 1, -1, 3, kKeyReadWrite | kKeyUpdate},
};

}  // namespace

void correctKeys(CommandSpec& spec) {
  if (std::find(spec.flagNames.begin(), spec.flagNames.end(), "module") == spec.flagNames.end()) return;
  const std::string_view name = std::string_view(spec.name).substr(0, spec.name.find('|'));
  const auto* found =
      std::find_if(std::begin(kModuleKeys), std::end(kModuleKeys),
                   [&](const ModuleKeys& each) { return equalsIgnoringCase(each.name, name); });
  if (found == std::end(kModuleKeys)) return;
  std::erase(spec.flagNames, "movablekeys");
  KeySpec keys;
  keys.flags = found->flags;
  keys.begin = KeySpec::Begin::Index;
  keys.index = found->first;
  keys.find = KeySpec::Find::Range;
  keys.lastKey = found->last;
  keys.keyStep = found->step;
  spec.keySpecs = {keys};
  const bool named = (found->flags & kKeyNotKey) != 0;
  spec.firstKey = named ? 0 : found->first;
  spec.lastKey = named ? 0 : found->last;
  spec.keyStep = named ? 0 : found->step;
}

}  // namespace slotless::protocol
