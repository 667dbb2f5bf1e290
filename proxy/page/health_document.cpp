// Is it well, and what goes on.
#include <string>

#include "proxy/page/documents.h"
#include "proxy/page/parts.h"

namespace slotless::page {

namespace {

std::string lineOf(const PageSources& sources, const observe::Present& present) {
  if (!present.problems.empty() && present.problems.front().weight != observe::Weight::Note)
    return present.problems.front().what;
  const cluster::TopologyPtr topology = sources.topology();
  if (topology == nullptr) return "Starting: the cluster is not known yet";
  std::size_t masters = 0;
  for (const cluster::Node& node : topology->nodes) masters += node.master ? 1U : 0U;
  return "All is well: " + std::to_string(masters) + (masters == 1 ? " master serves" : " masters serve") +
         " all " + std::to_string(protocol::kSlotCount) + " slots";
}

Json nowPart(const observe::Present& present) {
  const observe::Sample& now = present.now;
  return {{"requests_per_s", rounded(present.point.requests)},
          {"errors_per_s", rounded(present.point.errors)},
          {"received_bytes_per_s", rounded(present.point.bytesReceived)},
          {"sent_bytes_per_s", rounded(present.point.bytesSent)},
          {"p50_us", rounded(present.point.p50Micros)},
          {"p99_us", rounded(present.point.p99Micros)},
          {"requests_total", now.requests},
          {"errors_total", now.errors},
          {"clients", now.clients},
          {"clients_accepted_total", now.accepted},
          {"clients_rejected_total", now.rejected},
          {"logins_refused_total", now.loginsRefused},
          {"blocked_clients", now.blocked},
          {"delayed_clients", now.delayed},
          {"in_flight_requests", now.inFlight},
          {"held_requests", now.held},
          {"held_bytes", now.heldBytes},
          {"retries_total", now.retries},
          {"ambiguous_writes_total", now.ambiguous},
          {"ambiguous_writes_last_minute", now.ambiguous - present.minuteAgo.ambiguous},
          {"paused", now.paused > 0},
          {"leases",
           {{"transactions", now.transactionLeases},
            {"blocking", now.blockingLeases},
            {"tracking", now.trackingLeases},
            {"alone", now.loneLeases}}},
          {"subscriptions", now.subscriptions},
          {"monitors", now.monitors}};
}

}  // namespace

Json healthPart(PageSources& sources, const observe::Present& present) {
  const std::optional<std::string> notReady = sources.whyNotReady();
  const std::optional<std::string> notAlive = sources.whyNotAlive();
  const session::ProcessFacts process = sources.process();
  Json problems = Json::array();
  for (const observe::Problem& problem : present.problems) {
    problems.push_back({{"id", problem.id},
                        {"weight", observe::weightName(problem.weight)},
                        {"what", problem.what},
                        {"advice", problem.advice},
                        {"since_ms", problem.sinceMillis}});
  }
  const bool clear = present.problems.empty() || present.problems.front().weight == observe::Weight::Note;
  return {{"well", clear},
          {"weight", clear ? "ok" : observe::weightName(present.problems.front().weight)},
          {"line", lineOf(sources, present)},
          {"ready", !notReady},
          {"not_ready_because", orNull(notReady)},
          {"alive", !notAlive},
          {"not_alive_because", orNull(notAlive)},
          {"problems", std::move(problems)},
          {"process",
           {{"version", sources.version()},
            {"workers", sources.config()->workers},
            {"uptime_s", process.uptimeSeconds},
            {"resident_bytes", process.residentBytes},
            {"heap_bytes", process.heapBytes},
            {"memory_limit_bytes", sources.config()->memoryLimit}}},
          {"now", nowPart(present)}};
}

std::string healthDocument(PageSources& sources) {
  Json json = document();
  json.update(healthPart(sources, sources.present()));
  return textOf(json);
}

std::string overviewDocument(PageSources& sources) {
  const observe::Present present = sources.present();
  const cluster::TopologyPtr topology = sources.topology();
  Json json = document();
  json["health"] = healthPart(sources, present);
  json["nodes"] = nodesPart(sources, present);
  json["limits"] = limitsPart(present);
  json["point"] = pointPart(present.point);
  json["topology_version"] = topology == nullptr ? 0 : topology->version;
  json["topology_age_ms"] = sources.topologyAge().count();
  json["last_event_id"] = present.lastHappening;
  return textOf(json);
}

std::string errorDocument(std::string_view error) {
  return textOf({{"error", error}});
}

std::string sessionDocument(const Door::Visitor& visitor, bool hasUsers, bool actions) {
  const bool isUser = visitor.entry == Door::Entry::User;
  Json json = document();
  json["reads"] = visitor.reads();
  json["user"] = isUser ? Json(visitor.user) : Json(nullptr);
  json["token"] = isUser ? Json(visitor.token) : Json(nullptr);
  json["has_users"] = hasUsers;
  json["actions"] = actions;
  return textOf(json);
}

}  // namespace slotless::page
