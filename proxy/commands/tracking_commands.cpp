// CLIENT CACHING, TRACKINGINFO and GETREDIR: answered by what the proxy knows of the client's tracking.
// CLIENT TRACKING itself is Conversation's, since it changes the links.
#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/commands/client_commands.h"
#include "proxy/session/client.h"

namespace slotless::session {

using protocol::appendBulk;
using protocol::appendError;
using protocol::appendInteger;
using protocol::equalsIgnoringCase;

namespace {

const TrackingMode& modeOf(const Client& client) {
  static const TrackingMode off;
  const Tracking* tracking = client.conversation().tracking();
  return tracking == nullptr ? off : tracking->mode();
}

}  // namespace

void clientCaching(LocalCall& call) {
  const TrackingMode& mode = modeOf(call.client);
  const bool yes = equalsIgnoringCase(call.argv[2], "yes");
  if (!mode.on()) {
    return appendError(
        call.out,
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  }
  if (!yes && !equalsIgnoringCase(call.argv[2], "no")) return appendError(call.out, "ERR syntax error");
  if (yes && !mode.optIn()) {
    return appendError(call.out,
                       "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  }
  if (!yes && !mode.optOut()) {
    return appendError(call.out,
                       "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  }
  call.client.conversation().tracking()->giveCaching();
  protocol::appendSimple(call.out, "OK");
}

void clientTrackingInfo(LocalCall& call) {
  const TrackingMode& mode = modeOf(call.client);
  const Tracking* tracking = call.client.conversation().tracking();
  const bool caching = tracking != nullptr && tracking->cachingGiven();
  std::vector<std::string_view> flags = {mode.on() ? "on" : "off"};
  if (mode.broadcast()) flags.emplace_back("bcast");
  if (mode.optIn()) flags.emplace_back("optin");
  if (mode.optIn() && caching) flags.emplace_back("caching-yes");
  if (mode.optOut()) flags.emplace_back("optout");
  if (mode.optOut() && caching) flags.emplace_back("caching-no");
  if (mode.noLoop()) flags.emplace_back("noloop");
  if (tracking != nullptr && tracking->redirectBroken()) flags.emplace_back("broken_redirect");
  const int protocol = call.client.protocol;
  protocol::appendMapHeader(call.out, protocol, 3);
  appendBulk(call.out, "flags");
  protocol::appendSetHeader(call.out, protocol, flags.size());
  for (const std::string_view flag : flags) appendBulk(call.out, flag);
  appendBulk(call.out, "redirect");
  appendInteger(call.out, mode.redirect());
  appendBulk(call.out, "prefixes");
  protocol::appendArrayHeader(call.out, mode.prefixes().size());
  for (const std::string& prefix : mode.prefixes()) appendBulk(call.out, prefix);
}

void clientGetRedirection(LocalCall& call) {
  appendInteger(call.out, modeOf(call.client).redirect());
}

}  // namespace slotless::session
