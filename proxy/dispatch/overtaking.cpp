#include "proxy/dispatch/overtaking.h"

namespace slotless::session {

namespace {

template <typename Matches>
bool anyLater(const Leg& leg, const Matches& matches) {
  if (leg.slot == protocol::kNoSlot) return false;
  for (const Request* later = leg.request->next; later != nullptr; later = later->next) {
    for (std::size_t i = 0; i < later->legCount(); ++i) {
      if (later->leg(i).slot == leg.slot && matches(later->leg(i).state)) return true;
    }
  }
  return false;
}

bool namesOneKey(const Leg& leg) {
  return leg.request->spec->singleKey != 0 && leg.request->kind != RequestKind::Transaction;
}

}  // namespace

bool wasRefused(const Leg& leg) {
  if (leg.state != LegState::Held) return false;
  switch (leg.detour->trouble) {
    case Trouble::TryAgain:
    case Trouble::ClusterDown:
    case Trouble::Loading:
    case Trouble::ReadOnly:
    case Trouble::MasterDown:
    case Trouble::NoAuth:
    case Trouble::NoPerm: return true;
    case Trouble::Ask: return !namesOneKey(leg);
    default: return false;
  }
}

bool wasOvertaken(const Leg& leg) {
  return anyLater(leg, [](LegState state) { return state == LegState::Done; });
}

bool mayBeOvertaken(const Leg& leg) {
  return anyLater(leg, [](LegState state) { return state != LegState::Held && state != LegState::Planned; });
}

}  // namespace slotless::session
