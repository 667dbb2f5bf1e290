// The channel on which proxies of a cluster speak to each other: clients are not told of what is said there.
#pragma once
#include <string_view>

namespace slotless::pubsub {

inline constexpr std::string_view kPeerChannel = "~{slotless-peers}";
// Listened to as a pattern, which matches nothing else: PUBSUB CHANNELS has only channels.
inline constexpr std::string_view kPeerPattern = kPeerChannel;

// One compared byte for nearly all channels.
inline bool isPeerChannel(std::string_view channel) noexcept {
  return !channel.empty() && channel.front() == kPeerChannel.front() && channel == kPeerChannel;
}

}  // namespace slotless::pubsub
