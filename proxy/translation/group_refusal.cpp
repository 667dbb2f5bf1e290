#include "proxy/translation/group_refusal.h"

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/key_extraction.h"
#include "proxy/routing/router.h"

namespace slotless::session {

namespace {

constexpr std::size_t kMostShown = 64;

std::string shown(std::string_view group) {
  return "'" + std::string(group.substr(0, kMostShown)) + "'";
}

}  // namespace

void nameGroups(const Command& command, routing::Plan& plan) {
  const databases::Database& database = command.database;
  if (!database.grouped() || plan.error != routing::kCrossSlot) return;
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(*command.spec, command.argv, positions) != protocol::KeyResult::Ok) return;
  std::erase_if(positions, [&](std::uint32_t i) { return !database.owns(command.argv[i]); });
  const auto slotAt = [&](std::uint32_t i) { return protocol::slotOf(command.argv[i]); };
  const auto other = std::find_if(positions.begin(), positions.end(),
                                  [&](std::uint32_t i) { return slotAt(i) != slotAt(positions.front()); });
  if (other == positions.end()) return;
  const auto groupAt = [&](std::uint32_t i) {
    return shown(database.groups.groupOf(database.logicalName(command.argv[i])));
  };
  plan.error += ": groups " + groupAt(positions.front()) + " and " + groupAt(*other) + " of database " +
                std::to_string(database.index) + "; a pinned database takes keys of several groups";
}

}  // namespace slotless::session
