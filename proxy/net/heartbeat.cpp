#include "proxy/net/heartbeat.h"

#include <utility>

namespace slotless::net {

Heartbeat::Heartbeat(Loop& loop, std::string name) : loop_(loop), name_(std::move(name)) {
  timer_ = loop.makeTimer([this] { beat(); });
  beat();
}

void Heartbeat::beat() {
  last_.store(loop_.now().time_since_epoch().count());
  timer_->start(kInterval);
}

std::optional<std::string> stuckLoops(std::span<const Heartbeat* const> beats, TimePoint now,
                                      Millis patience) {
  std::string text;
  for (const Heartbeat* each : beats) {
    const auto silence = std::chrono::duration_cast<Millis>(now - each->last());
    if (silence <= patience) continue;
    text += (text.empty() ? "" : ", ") + each->name() + " has not turned for " +
            std::to_string(silence.count()) + " ms";
  }
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace slotless::net
