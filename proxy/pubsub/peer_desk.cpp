#include "proxy/pubsub/peer_desk.h"

#include <utility>

namespace slotless::pubsub {

PeerDesk& PeerDesk::ofProcess() {
  static PeerDesk desk;
  return desk;
}

std::unique_ptr<PeerDesk::Attendance> PeerDesk::attend(net::Loop& loop, Take take) {
  auto attendant = std::make_shared<Attendant>(Attendant{loop, std::move(take)});
  const std::lock_guard guard(mutex_);
  attendant_ = attendant;
  return std::make_unique<Attendance>(*this, std::move(attendant));
}

// On the attendant's loop: an order that is under way to it comes afterwards, and finds nothing to call.
void PeerDesk::leave(const std::shared_ptr<Attendant>& attendant) {
  attendant->take = nullptr;
  const std::lock_guard guard(mutex_);
  if (attendant_ == attendant) attendant_ = nullptr;
}

void PeerDesk::ask(PeerOrder order, net::Loop& loop, Answered done) {
  net::Loop* home = &loop;
  Answered answer = [home, done = std::move(done)](PeerAnswers answers) {
    auto kept = std::make_shared<PeerAnswers>(std::move(answers));
    home->post([done, kept] { done(std::move(*kept)); });
  };
  const std::lock_guard guard(mutex_);
  if (attendant_ == nullptr) return answer({});
  // Under the lock: who attends leaves before its loop ends.
  attendant_->loop.post([attendant = attendant_, order = std::move(order), answer = std::move(answer)] {
    if (attendant->take == nullptr) return answer({});
    attendant->take(order, answer);
  });
}

}  // namespace slotless::pubsub
