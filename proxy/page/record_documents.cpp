// What has been: traffic, events, limits, hot keys, the slow log, a migration.
#include <array>
#include <string>

#include "proxy/page/documents.h"
#include "proxy/page/parts.h"

namespace slotless::page {

namespace {

constexpr std::array<std::string_view, 13> kTrafficFields = {
    "unix_ms",          "requests_per_s", "errors_per_s", "received_bytes_per_s", "sent_bytes_per_s",
    "p50_us",           "p99_us",         "clients",      "in_flight_requests",   "held_requests",
    "ambiguous_writes", "retries",        "redirects"};

template <typename Enum, std::size_t N>
Json countsPart(const std::array<std::uint64_t, N>& now, const std::array<std::uint64_t, N>& before,
                std::string_view (*nameOf)(Enum) noexcept) {
  Json counts = Json::array();
  for (std::size_t i = 0; i < N; ++i) {
    counts.push_back({{"name", nameOf(static_cast<Enum>(i))},
                      {"total", now[i]},
                      {"last_minute", now[i] > before[i] ? now[i] - before[i] : 0}});
  }
  return counts;
}

}  // namespace

Json pointPart(const observe::TrafficPoint& point) {
  return {point.unixMillis,         rounded(point.requests),
          rounded(point.errors),    rounded(point.bytesReceived),
          rounded(point.bytesSent), rounded(point.p50Micros),
          rounded(point.p99Micros), point.clients,
          point.inFlight,           point.held,
          point.ambiguous,          point.retries,
          point.redirects};
}

std::string trafficDocument(PageSources& sources) {
  Json json = document();
  json["step_ms"] = observe::kTrafficStep.count();
  json["fields"] = kTrafficFields;
  Json points = Json::array();
  for (const observe::TrafficPoint& point : sources.traffic()) points.push_back(pointPart(point));
  json["points"] = std::move(points);
  return textOf(json);
}

std::string eventsDocument(PageSources& sources) {
  Json json = document();
  Json events = Json::array();
  for (const observe::Happening& each : sources.happenings()) {
    events.push_back({{"id", each.id},
                      {"first_ms", each.firstMillis},
                      {"last_ms", each.lastMillis},
                      {"times", each.times},
                      {"kind", each.kind},
                      {"weight", observe::weightName(each.weight)},
                      {"text", each.text}});
  }
  json["events"] = std::move(events);
  return textOf(json);
}

Json limitsPart(const observe::Present& present) {
  const observe::Sample& now = present.now;
  const observe::Sample& before = present.minuteAgo;
  return {{"limits", countsPart(now.limits, before.limits, telemetry::limitName)},
          {"forbidden_commands", countsPart(now.forbidden, before.forbidden, telemetry::forbiddenName)},
          {"redirects", countsPart(now.redirects, before.redirects, telemetry::redirectName)}};
}

std::string limitsDocument(PageSources& sources) {
  Json json = document();
  json.update(limitsPart(sources.present()));
  return textOf(json);
}

std::string slowLogDocument(PageSources& sources) {
  const SlowList list = sources.slowLog();
  Json json = document();
  json["complete"] = list.complete;
  Json entries = Json::array();
  for (const session::SlowEntry& each : list.entries) {
    entries.push_back({{"id", each.id},
                       {"unix_s", each.unixTime},
                       {"duration_us", each.amount},
                       {"node_us", each.upstream.count()},
                       {"node", each.node.empty() ? Json(nullptr) : Json(each.node)},
                       {"client", each.client},
                       {"client_name", each.clientName},
                       {"arguments", each.arguments}});
  }
  json["entries"] = std::move(entries);
  return textOf(json);
}

std::string migrationDocument(PageSources& sources) {
  Json json = document();
  json["migration"] = nullptr;
  if (const std::optional<telemetry::MigrationProgress> known = sources.migration()) {
    json["migration"] = {{"at_work", known->atWork},
                         {"direction", known->toCluster ? "to_cluster" : "to_server"},
                         {"phase", known->phase},
                         {"caught_up", known->caughtUp},
                         {"source", known->source},
                         {"software", known->software},
                         {"started_ms", known->startedMillis},
                         {"updated_ms", known->updatedMillis},
                         {"database", known->database},
                         {"walked_keys", known->walkedKeys},
                         {"expected_keys", known->expectedKeys},
                         {"eta_s", orNull(known->etaSeconds)},
                         {"copied_keys", known->copiedKeys},
                         {"copied_bytes", known->copiedBytes},
                         {"deleted_keys", known->deletedKeys},
                         {"keys_per_s", known->keysPerSecond},
                         {"bytes_per_s", known->bytesPerSecond},
                         {"changes", known->changes},
                         {"waiting_keys", known->waitingKeys},
                         {"lag_ms", known->lagMillis},
                         {"source_latency_us", known->sourceLatencyMicros},
                         {"walks", known->walks},
                         {"feed_losses", known->feedLosses}};
  }
  return textOf(json);
}

std::string hotKeysDocument(PageSources& sources) {
  const telemetry::HotKeyList list = sources.hotKeys();
  const cluster::TopologyPtr topology = sources.topology();
  const auto nodeOf = [&](protocol::Slot slot) {
    const cluster::NodeIndex owner = topology == nullptr ? cluster::kNoNode : topology->owners[slot];
    return owner == cluster::kNoNode ? Json(nullptr) : Json(topology->nodes[owner].address.text());
  };
  Json json = document();
  json["sample"] = sources.config()->hotKeysSample;
  json["uses_per_s"] = rounded(list.usesPerSecond);
  Json keys = Json::array();
  for (const telemetry::HotKey& each : list.keys) {
    if (keys.size() == PageSources::kMostHotKeys) break;
    keys.push_back({{"key", each.name},
                    {"key_bytes", each.keyBytes},
                    {"database", each.database},
                    {"slot", each.slot},
                    {"node", nodeOf(each.slot)},
                    {"uses_per_s", rounded(each.usesPerSecond)},
                    {"writes_per_s", rounded(each.writesPerSecond)},
                    {"request_bytes_per_s", rounded(each.bytesPerSecond)},
                    {"excess_per_s", rounded(each.excessPerSecond)}});
  }
  json["keys"] = std::move(keys);
  return textOf(json);
}

}  // namespace slotless::page
