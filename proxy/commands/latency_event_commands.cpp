// LATENCY LATEST, HISTORY, RESET, GRAPH and DOCTOR: events over all workers. Source of shapes and texts:
// redis.io/commands/latency-latest and its neighbours.
#include <algorithm>
#include <array>
#include <chrono>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/late_reply.h"
#include "proxy/commands/latency_commands.h"
#include "proxy/observe/latency_events.h"
#include "proxy/observe/latency_report.h"
#include "proxy/observe/sample.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/loop_turns.h"

namespace slotless::session {

namespace {

using AllWorkers = std::vector<AllLatencySeries>;

std::int64_t unixNow() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

// `compose` gets what all workers have seen.
void replyFromEvents(LocalCall& call, std::function<void(AllWorkers, Client&, std::string&)> compose) {
  replyFromWorkers<AllLatencySeries>(
      call, [](Services& services, std::size_t) { return services.latency.all(); }, std::move(compose));
}

void appendSample(std::string& out, const LatencySample& sample) {
  protocol::appendInteger(out, sample.unixTime);
  protocol::appendInteger(out, sample.millis);
}

// Of all workers, without asking them.
std::string figuresText(const Control& control) {
  observe::Buckets turns{};
  for (const telemetry::LoopTurns* each : telemetry::allTurns()) {
    for (std::size_t i = 0; i < turns.size(); ++i) turns[i] += each->lengths.buckets[i].value();
  }
  std::vector<const telemetry::WorkerMetrics*> workers;
  control.visitMetrics([&](const telemetry::WorkerMetrics& metrics) { workers.push_back(&metrics); });
  return latencyFiguresText(turns, observe::takeSample(workers).nodes);
}

using Kinds = std::array<bool, kLatencyKinds>;

Kinds namedKinds(protocol::Argv names) {
  Kinds kinds{};
  if (names.empty()) kinds.fill(true);
  for (const std::string_view name : names) {
    if (const auto kind = latencyKind(name)) kinds[static_cast<std::size_t>(*kind)] = true;
  }
  return kinds;
}

}  // namespace

void latencyLatest(LocalCall& call) {
  replyFromEvents(call, [](const AllWorkers& parts, Client&, std::string& out) {
    std::string entries;
    std::size_t count = 0;
    for (std::size_t i = 0; i < kLatencyKinds; ++i) {
      const auto kind = static_cast<LatencyKind>(i);
      const LatencySeries series = mergeLatency(parts, kind);
      if (series.samples.empty()) continue;
      ++count;
      protocol::appendArrayHeader(entries, 4);
      protocol::appendBulk(entries, latencyName(kind));
      appendSample(entries, series.samples.back());
      protocol::appendInteger(entries, series.worst);
    }
    protocol::appendArrayHeader(out, count);
    out += entries;
  });
}

void latencyHistory(LocalCall& call) {
  const auto kind = latencyKind(call.argv[2]);
  if (!kind) return protocol::appendArrayHeader(call.out, 0);
  replyFromEvents(call, [kind = *kind](const AllWorkers& parts, Client&, std::string& out) {
    const LatencySeries series = mergeLatency(parts, kind);
    protocol::appendArrayHeader(out, series.samples.size());
    for (const LatencySample& sample : series.samples) {
      protocol::appendArrayHeader(out, 2);
      appendSample(out, sample);
    }
  });
}

void latencyReset(LocalCall& call) {
  replyFromWorkers<Kinds>(
      call,
      [named = namedKinds(call.argv.subspan(2))](Services& services, std::size_t) {
        Kinds cleared{};
        for (std::size_t i = 0; i < kLatencyKinds; ++i) {
          cleared[i] = named[i] && services.latency.clear(static_cast<LatencyKind>(i));
        }
        return cleared;
      },
      [](const std::vector<Kinds>& parts, Client&, std::string& out) {
        std::int64_t count = 0;
        for (std::size_t i = 0; i < kLatencyKinds; ++i) {
          count +=
              std::any_of(parts.begin(), parts.end(), [i](const Kinds& part) { return part[i]; }) ? 1 : 0;
        }
        protocol::appendInteger(out, count);
      });
}

void latencyGraph(LocalCall& call) {
  replyFromEvents(
      call, [name = std::string(call.argv[2])](const AllWorkers& parts, Client& client, std::string& out) {
        const auto kind = latencyKind(name);
        const LatencySeries series = kind ? mergeLatency(parts, *kind) : LatencySeries{};
        if (series.samples.empty()) {
          return protocol::appendError(out, "ERR No samples available for event '" + name + "'");
        }
        protocol::appendVerbatimText(out, client.protocol, latencyGraphText(*kind, series, unixNow()));
      });
}

void latencyDoctor(LocalCall& call) {
  replyFromEvents(
      call, [&services = call.services](const AllWorkers& parts, Client& client, std::string& out) {
        protocol::appendVerbatimText(
            out, client.protocol,
            latencyDoctorText(parts, services.latency.threshold()) + "\n" + figuresText(services.control));
      });
}

void followLatencySettings(Services& services, const SettingPairs& settings) {
  for (const auto& [name, text] : settings) {
    const auto millis = protocol::strictInteger(text);
    if (!protocol::equalsIgnoringCase(name, "latency-monitor-threshold") || !millis || *millis < 0) continue;
    services.control.tellWorkers([threshold = net::Millis(*millis)](Services& there, std::size_t) {
      there.latency.setThreshold(threshold);
    });
  }
}

}  // namespace slotless::session
