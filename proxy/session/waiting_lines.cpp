#include "proxy/session/waiting_lines.h"

namespace slotless::session {

std::uint64_t WaitingLines::join(const std::vector<std::string>& lines, Keeper& keeper,
                                 std::vector<bool>& isFirst) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t ticket = ++lastTicket_;
  isFirst.clear();
  for (const std::string& line : lines) {
    auto& places = lines_[line];
    places.emplace(ticket, &keeper);
    isFirst.push_back(places.size() == 1);
  }
  return ticket;
}

void WaitingLines::leave(const std::vector<std::string>& lines, std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  for (const std::string& line : lines) {
    const auto found = lines_.find(line);
    if (found == lines_.end()) continue;
    auto& places = found->second;
    const bool wasFirst = !places.empty() && places.begin()->first == ticket;
    places.erase(ticket);
    if (places.empty()) {
      lines_.erase(found);
    } else if (wasFirst) {
      const auto& [next, keeper] = *places.begin();
      keeper->onFirst(next, line);
    }
  }
}

}  // namespace slotless::session
