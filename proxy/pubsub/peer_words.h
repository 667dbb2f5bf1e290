// How people and programs are told what is known of other proxies.
#pragma once
#include <string_view>

#include "proxy/pubsub/peer_report.h"

namespace slotless::pubsub {

// nullptr: nothing is known yet.
inline std::string_view channelWord(const PeerReport* report) noexcept {
  if (report == nullptr || !report->isOn) return "off";
  return report->hears ? "on" : "unheard";
}

inline std::string_view subscribersWord(const PeerRow& row) noexcept {
  if (row.tooMany) return "too-many";
  return row.topics ? "told" : "unknown";
}

}  // namespace slotless::pubsub
