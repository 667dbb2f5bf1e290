#include "proxy/migrate/feeds.h"

#include <algorithm>
#include <set>
#include <utility>

namespace slotless::migrate {

Feeds::Fed::Fed(const subcommand::ServerUrl& url, const subcommand::ConnectOptions& options,
                ChangeFeed::Listener listener, std::string missed)
    : feed(
          url, options,
          [&] {
            listener.stopped = [this, stopped = std::move(listener.stopped)] { return gone || stopped(); };
            return std::move(listener);
          }(),
          std::move(missed)),
      thread([this] { feed.run(); }) {}

Feeds::Fed::~Fed() {
  gone = true;
  thread.join();
}

Feeds::Feeds(Nodes& nodes, ChangeFeed::Listener listener) : nodes_(nodes), listener_(std::move(listener)) {}

void Feeds::look() {
  const auto view = nodes_.view();
  if (view == nullptr) return;
  std::set<std::string> now;
  for (const auto& master : view->masters) {
    const std::string where = master.url.shown();
    now.insert(where);
    if (feds_.contains(where)) continue;
    feds_[where] = std::make_unique<Fed>(master.url, nodes_.options(), listener_,
                                         looked_ ? where + " is a master now" : std::string());
  }
  std::erase_if(feds_, [&](const auto& each) { return !now.contains(each.first); });
  looked_ = true;
}

bool Feeds::isUp() const {
  return !feds_.empty() &&
         std::all_of(feds_.begin(), feds_.end(), [](const auto& each) { return each.second->feed.isUp(); });
}

void Feeds::requestBarrier() {
  for (auto& [where, fed] : feds_) fed->barrier = fed->feed.requestBarrier();
}

bool Feeds::reached() const {
  return std::all_of(feds_.begin(), feds_.end(),
                     [](const auto& each) { return each.second->feed.reached(each.second->barrier); });
}

}  // namespace slotless::migrate
