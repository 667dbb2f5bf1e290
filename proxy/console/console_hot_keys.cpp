// PROXY HOTKEYS: which keys are used most.
#include <cmath>
#include <string>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/console/console_commands.h"
#include "proxy/observe/text_lines.h"
#include "proxy/pubsub/monitor_text.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/hot_keys.h"

namespace slotless::session {

namespace {

constexpr std::int64_t kUsualCount = 10;

std::int64_t whole(double value) {
  return std::llround(value);
}

bool mayKnow(const Client& client, const telemetry::HotKey& key) {
  return !client.seesSomeDatabases() || client.account()->maySelect(key.database);
}

// The name is the last one, since it may be anything; one that goes on is followed by its length.
void appendHotKey(TextLines& lines, const telemetry::HotKey& key, const cluster::Topology& topology,
                  double all) {
  const cluster::NodeIndex owner = topology.owners[key.slot];
  lines.pair("db", key.database).pair("slot", key.slot);
  lines.pair("node", owner == cluster::kNoNode ? std::string() : topology.nodes[owner].address.text());
  lines.pair("per-second", whole(key.usesPerSecond)).pair("writes", whole(key.writesPerSecond));
  lines.pair("request-bytes", whole(key.bytesPerSecond)).pair("too-much-by", whole(key.excessPerSecond));
  lines.pair("percent", all > 0 ? whole(key.usesPerSecond / all * 100) : 0).pair("length", key.keyBytes);
  lines.pair("key", pubsub::quotedText(key.name));
  lines.end();
}

}  // namespace

void consoleHotKeys(LocalCall& call) {
  const net::TimePoint now = call.services.host.now;
  std::int64_t count = kUsualCount;
  if (call.argv.size() > 3) {
    return protocol::appendError(
        call.out, "ERR unknown subcommand or wrong number of arguments for 'HOTKEYS'. Try PROXY HELP.");
  }
  if (call.argv.size() == 3) {
    if (protocol::equalsIgnoringCase(call.argv[2], "reset")) {
      telemetry::HotKeys::clear(now);
      return protocol::appendSimple(call.out, "OK");
    }
    const auto wanted = protocol::strictInteger(call.argv[2]);
    if (!wanted || *wanted < 0)
      return protocol::appendError(call.out, "ERR value is out of range, must be positive");
    count = *wanted;
  }
  const telemetry::HotKeyList list = telemetry::HotKeys::all(now);
  TextLines lines;
  for (const telemetry::HotKey& key : list.keys) {
    if (!mayKnow(call.client, key)) continue;
    if (count-- == 0) break;
    appendHotKey(lines, key, call.services.links.topology(), list.usesPerSecond);
  }
  protocol::appendVerbatimText(call.out, call.client.protocol, lines.text());
}

}  // namespace slotless::session
