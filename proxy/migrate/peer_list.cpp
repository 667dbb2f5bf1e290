#include "proxy/migrate/peer_list.h"

#include <algorithm>

#include "proxy/subcommand/monitor_line.h"

namespace slotless::migrate {

namespace {

constexpr std::string_view kOn = "peers=on ";
constexpr std::string_view kPeer = "peer=";
// Within a quoted text there is a backslash before the second quotation mark.
constexpr std::string_view kPlace = " place=\"";

}  // namespace

PeerList readPeerList(std::string_view text) {
  PeerList list;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    list.isHeard = list.isHeard || line.starts_with(kOn);
    const std::size_t at = line.find(kPlace);
    if (!line.starts_with(kPeer) || at == std::string_view::npos) continue;
    std::string_view quoted = line.substr(at + kPlace.size() - 1);
    if (auto place = subcommand::quotedWord(quoted)) list.places.insert(*std::move(place));
  }
  return list;
}

}  // namespace slotless::migrate
