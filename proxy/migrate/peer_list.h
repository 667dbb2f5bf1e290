// What a proxy's PROXY PEERS tells of the proxies that serve the same side. Pure.
#pragma once
#include <set>
#include <string>
#include <string_view>

namespace slotless::migrate {

struct PeerList {
  bool isHeard = false;          // the channel on which they speak
  std::set<std::string> places;  // of those that are heard, and of this one
};

PeerList readPeerList(std::string_view text);

}  // namespace slotless::migrate
