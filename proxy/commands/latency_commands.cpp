#include "proxy/commands/latency_commands.h"

#include <cstdint>

#include "protocol/encoder.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

CommandTotals histogramOf(const Services& services, const CommandSpec& spec) {
  return services.control.baseline().since(spec.id, totalsOf(services.control, spec.id));
}

// Upper bound and how many were at most as slow, for each bucket with something in it. What is slower than
// the last bound stands under its tenfold.
void append(std::string& out, int protocol, const CommandSpec& spec, const CommandTotals& histogram) {
  std::string pairs;
  std::size_t count = 0;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
    if (histogram.buckets[i] == 0) continue;
    cumulative += histogram.buckets[i];
    const auto& bounds = telemetry::kLatencyBoundsMicros;
    const std::int64_t bound = i < bounds.size() ? std::int64_t{bounds[i]} : std::int64_t{bounds.back()} * 10;
    protocol::appendInteger(pairs, bound);
    protocol::appendInteger(pairs, static_cast<std::int64_t>(cumulative));
    ++count;
  }
  protocol::appendBulk(out, spec.name);
  protocol::appendMapHeader(out, protocol, 2);
  protocol::appendBulk(out, "calls");
  protocol::appendInteger(out, static_cast<std::int64_t>(histogram.calls));
  protocol::appendBulk(out, "histogram_usec");
  protocol::appendMapHeader(out, protocol, count);
  out += pairs;
}

void addWithSubcommands(std::vector<const CommandSpec*>& wanted, const CommandSpec& spec) {
  wanted.push_back(&spec);
  for (const CommandSpec& subcommand : spec.subcommands) wanted.push_back(&subcommand);
}

}  // namespace

void latencyHistogram(LocalCall& call) {
  std::vector<const CommandSpec*> wanted;
  const protocol::CommandTable& table = *call.services.commands;
  if (call.argv.size() == 2) {
    for (const CommandSpec& spec : table.commands()) addWithSubcommands(wanted, spec);
  }
  for (const std::string_view name : call.argv.subspan(2)) {
    if (const CommandSpec* spec = table.find(name)) addWithSubcommands(wanted, *spec);
  }
  std::string entries;
  std::size_t count = 0;
  for (const CommandSpec* spec : wanted) {
    const CommandTotals histogram = histogramOf(call.services, *spec);
    if (histogram.calls == 0) continue;
    append(entries, call.client.protocol, *spec, histogram);
    ++count;
  }
  protocol::appendMapHeader(call.out, call.client.protocol, count);
  call.out += entries;
}

}  // namespace slotless::session
