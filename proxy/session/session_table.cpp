#include "proxy/session/session_table.h"

#include <array>

namespace slotless::session {

using protocol::SessionRole;

namespace {

struct Row {
  SessionRole role;
  std::array<Verdict, kModeCount> verdicts;  // Plain, Queueing, Subscribed, Monitoring
};

consteval std::array<Row, protocol::kSessionRoleCount> rows() {
  using enum Verdict;
  return {{
      {SessionRole::None, {Run, Queue, RefuseSubscribed, Run}},
      {SessionRole::Multi, {Begin, RefuseNested, RefuseSubscribed, Begin}},
      {SessionRole::Exec, {RefuseExec, Execute, RefuseSubscribed, RefuseExec}},
      {SessionRole::Discard, {RefuseDiscard, Discard, RefuseSubscribed, RefuseDiscard}},
      {SessionRole::Watch, {Watch, RefuseWatch, RefuseSubscribed, Watch}},
      {SessionRole::Unwatch, {Unwatch, Queue, RefuseSubscribed, Unwatch}},
      {SessionRole::Blocking, {Block, Queue, RefuseSubscribed, Block}},
      {SessionRole::Subscribe, {Subscribe, RefuseInTransaction, Subscribe, Subscribe}},
      {SessionRole::Unsubscribe, {Unsubscribe, RefuseInTransaction, Unsubscribe, Unsubscribe}},
      {SessionRole::Monitor, {Monitor, RefuseInTransaction, RefuseSubscribed, Monitor}},
      {SessionRole::Wait, {WaitForReplicas, Queue, RefuseSubscribed, WaitForReplicas}},
      {SessionRole::Select, {Run, Queue, RefuseSubscribed, Run}},
      {SessionRole::Tracking, {Track, RefuseInTransaction, RefuseSubscribed, Track}},
      {SessionRole::Caching, {Run, Queue, RefuseSubscribed, Run}},
      {SessionRole::Ping, {Run, Queue, Run, Run}},
      {SessionRole::Reset, {Reset, Reset, Reset, Reset}},
      {SessionRole::Quit, {Run, Run, Run, Run}},
  }};
}
constexpr auto kRows = rows();

consteval bool rowsAreInOrder() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].role) != i) return false;
  }
  return true;
}
static_assert(rowsAreInOrder());

constexpr std::array<std::string_view, kModeCount> kModeNames = {"plain", "queueing", "subscribed",
                                                                 "monitoring"};

}  // namespace

Verdict verdictFor(Mode mode, SessionRole role) noexcept {
  return kRows[static_cast<std::size_t>(role)].verdicts[static_cast<std::size_t>(mode)];
}

std::string_view modeName(Mode mode) noexcept {
  return kModeNames[static_cast<std::size_t>(mode)];
}

}  // namespace slotless::session
