// PROXY SHADOW: the outcome of the reads that were asked again on both sides.
#include <string>

#include "protocol/encoder.h"
#include "proxy/console/console_commands.h"
#include "proxy/observe/text_lines.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::session {

using telemetry::ShadowCounts;

namespace {

void addOutcomes(TextLines& lines, const ShadowCounts::ByOutcome& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i)
    lines.pair(nameOf(static_cast<telemetry::ShadowOutcome>(i)), counts[i]);
  lines.end();
}

}  // namespace

void consoleShadow(LocalCall& call) {
  const ShadowCounts& counts = ShadowCounts::ofProcess();
  const auto commands = counts.all();
  ShadowCounts::ByOutcome sum{};
  for (const auto& [command, each] : commands) {
    for (std::size_t i = 0; i < each.size(); ++i) sum[i] += each[i];
  }
  TextLines lines;
  lines.pair("sample", call.services.config.shadowSample).pair("sampled", counts.sampled());
  lines.pair("waiting-bytes", counts.waiting());
  addOutcomes(lines, sum);
  lines.pair("dropped", "by-reason");
  for (std::size_t i = 0; i < telemetry::kShadowDrops; ++i) {
    const auto reason = static_cast<telemetry::ShadowDrop>(i);
    lines.pair(nameOf(reason), counts.dropped(reason));
  }
  lines.end();
  for (const auto& [command, each] : commands) {
    lines.pair("command", command);
    addOutcomes(lines, each);
  }
  protocol::appendVerbatimText(call.out, call.client.protocol, lines.text());
}

}  // namespace slotless::session
