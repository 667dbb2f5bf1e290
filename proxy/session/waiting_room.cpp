#include "proxy/session/waiting_room.h"

#include "proxy/dispatch/context.h"
#include "proxy/session/waiting.h"

namespace slotless::session {

std::uint64_t WaitingRoom::join(Waiting& waiting, const std::vector<std::string>& lines,
                                std::vector<bool>& isFirst) {
  const std::uint64_t ticket = lines_.join(lines, *this, isFirst);
  waiting_.emplace(ticket, &waiting);
  return ticket;
}

void WaitingRoom::leave(const std::vector<std::string>& lines, std::uint64_t ticket) {
  waiting_.erase(ticket);
  lines_.leave(lines, ticket);
}

// On the thread of who has left. By the time that it is heard here, it may have left, too.
void WaitingRoom::onFirst(std::uint64_t ticket, const std::string& line) {
  context_.host.loop.post([this, ticket, line] {
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) return;
    context_.host.touch();
    found->second->onFirst(line);
  });
}

}  // namespace slotless::session
