// PROXY PEERS: which proxies of this cluster are heard, and what they have told.
#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "protocol/encoder.h"
#include "proxy/console/console_commands.h"
#include "proxy/observe/text_lines.h"
#include "proxy/pubsub/census.h"
#include "proxy/pubsub/monitor_text.h"
#include "proxy/pubsub/peer_words.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

namespace {

// What others say of themselves may be anything.
void appendPeer(TextLines& lines, const pubsub::PeerRow& row, std::string_view who, net::TimePoint now) {
  const auto silence = std::chrono::duration_cast<net::Millis>(now - row.heardAt);
  lines.pair("peer", who).pair("id", pubsub::quotedText(row.id));
  lines.pair("heard-ms-ago", std::max<std::int64_t>(0, silence.count())).pair("clients", row.clients);
  lines.pair("subscribers", pubsub::subscribersWord(row)).pair("topics", row.topics.value_or(0));
  lines.pair("release", pubsub::quotedText(row.release)).pair("place", pubsub::quotedText(row.place)).end();
}

}  // namespace

void consolePeers(LocalCall& call) {
  TextLines lines;
  const pubsub::PeerReportPtr known = call.services.hub.census().peers();
  static const pubsub::PeerReport kNothing;
  const pubsub::PeerReport& report = known != nullptr ? *known : kNothing;
  lines.pair("peers", pubsub::channelWord(&report))
      .pair("others", report.others.size())
      .pair("node", report.node);
  lines.pair("said", report.said).pair("heard", report.heard).pair("unread", report.unread);
  lines.pair("vanished", report.vanished).pair("trouble", pubsub::quotedText(report.trouble)).end();
  const net::TimePoint now = call.services.host.now;
  if (report.isOn) appendPeer(lines, report.self, "self", now);
  for (const pubsub::PeerRow& row : report.others) appendPeer(lines, row, "other", now);
  protocol::appendVerbatimText(call.out, call.client.protocol, lines.text());
}

}  // namespace slotless::session
