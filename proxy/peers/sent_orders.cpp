#include "proxy/peers/sent_orders.h"

#include <algorithm>
#include <utility>

namespace slotless::peers {

using pubsub::PeerAnswer;

void SentOrders::add(const std::string& number, pubsub::PeerAnswers asked, net::TimePoint now, Done done) {
  const std::size_t missing = asked.size();
  sent_[number] = Sent{std::move(asked), missing, now + kOrderPatience, std::move(done)};
}

bool SentOrders::note(Answer answer) {
  const auto found = sent_.find(answer.number);
  if (found == sent_.end()) return false;
  Sent& sent = found->second;
  const auto whose = std::find_if(sent.answers.begin(), sent.answers.end(), [&](const PeerAnswer& each) {
    return each.id == answer.from && each.state == PeerAnswer::State::Silent;
  });
  if (whose == sent.answers.end()) return false;
  whose->state = answer.isDone ? PeerAnswer::State::Done : PeerAnswer::State::Refused;
  whose->text = std::move(answer.text);
  whose->lines = std::move(answer.lines);
  whose->leftOut = answer.leftOut;
  if (--sent.missing > 0) return true;
  Sent complete = std::move(sent);
  sent_.erase(found);
  complete.done(std::move(complete.answers));
  return true;
}

void SentOrders::expire(net::TimePoint now) {
  for (auto each = sent_.begin(); each != sent_.end();) {
    if (each->second.until > now) {
      ++each;
      continue;
    }
    Sent late = std::move(each->second);
    each = sent_.erase(each);
    late.done(std::move(late.answers));
  }
}

void SentOrders::endAll() {
  expire(net::TimePoint::max());
}

std::optional<net::TimePoint> SentOrders::next() const {
  std::optional<net::TimePoint> first;
  for (const auto& [number, sent] : sent_) first = std::min(first.value_or(sent.until), sent.until);
  return first;
}

}  // namespace slotless::peers
