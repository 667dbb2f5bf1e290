#include "proxy/pubsub/monitor_filter.h"

#include <algorithm>
#include <initializer_list>

#include "proxy/databases/scripts.h"
#include "proxy/net/own_connections.h"
#include "proxy/pubsub/peer_channel.h"

namespace slotless::pubsub {

namespace {

// `lua]` of "+1700000000.000001 [0 lua] ..."; empty: it is no such line.
std::string_view speakerOf(std::string_view line) {
  const std::size_t open = line.find(" [");
  if (open == std::string_view::npos) return {};
  const std::size_t blank = line.find(' ', open + 2);
  const std::size_t close = line.find("] \"", open + 2);
  if (blank == std::string_view::npos || close == std::string_view::npos || close < blank) return {};
  return line.substr(blank + 1, close - blank - 1);
}

// What proxies say to each other, of any process.
bool isOfPeers(std::string_view line) {
  const std::size_t command = line.find("] \"P");
  if (command == std::string_view::npos) return false;
  line.remove_prefix(command + 2);
  for (const std::string_view begin : {"\"PUBLISH\" \"", "\"PSUBSCRIBE\" \""}) {
    if (!line.starts_with(begin)) continue;
    line.remove_prefix(begin.size());
    return line.starts_with(kPeerChannel) && line.substr(kPeerChannel.size()).starts_with('"');
  }
  return false;
}

}  // namespace

bool MonitorFilter::shows(std::string_view line) {
  const std::string_view speaker = speakerOf(line);
  if (speaker == "lua") {
    // Wrapped scripts (databases/script_names.h) ask for the keys of their slot; no client's script can.
    return !ownScript_ && line.find("] \"cluster\" ") == std::string_view::npos;
  }
  ownScript_ = line.find(databases::scripts::kMark) != std::string_view::npos;
  if (isOfPeers(line)) return false;
  // Other proxies' clients never get a PING that far: these are heartbeats of links.
  return !net::OwnConnections::ofProcess().contains(speaker) && !line.ends_with("] \"PING\"\r\n");
}

}  // namespace slotless::pubsub
