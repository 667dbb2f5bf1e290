#include "proxy/dispatch/work.h"

#include <vector>

namespace slotless::session {

Workbench::~Workbench() {
  closing_ = true;
  while (!works_.empty()) {
    const Entry last = std::move(works_.front());
    works_.pop_front();
  }
}

void Workbench::add(const Downstream* client, std::unique_ptr<Work> work) {
  if (!closing_) works_.push_back({client, std::move(work)});
}

void Workbench::forget(const Downstream& client) {
  std::vector<Entry> ended;
  for (Entry& entry : works_) {
    if (entry.client == &client) ended.push_back(std::move(entry));
  }
  std::erase_if(works_, [](const Entry& entry) { return entry.work == nullptr; });
}

std::size_t Workbench::heldBytes() const noexcept {
  std::size_t bytes = 0;
  for (const Entry& entry : works_) bytes += entry.work->heldBytes();
  return bytes;
}

void Workbench::run() {
  WorkBudget turn(kUnitsPerTurn);
  while (turn.left() && !works_.empty()) {
    Entry entry = std::move(works_.front());
    works_.pop_front();
    const std::size_t share = std::min(turn.units(), kUnitsPerPiece);
    WorkBudget piece(share);
    const bool finished = entry.work->goOn(piece);
    turn.spend(std::max<std::size_t>(share - piece.units(), 1));
    if (!finished) works_.push_back(std::move(entry));
  }
}

}  // namespace slotless::session
