#include "proxy/routing/info_fields.h"

#include <algorithm>

namespace slotless::routing {

namespace {

using enum InfoRule;

struct Field {
  std::string_view name;  // a trailing '*' stands for any rest
  InfoRule rule;
};

// What its section's rule does not fit. The first match counts.
constexpr Field kFields[] = {
    {"*_human", Human},
    // Server
    {"listener*", Leave},
    // Clients
    {"client_recent_max_*", Maximum},
    // Memory
    {"*_perc", Maximum},
    {"*_ratio", Maximum},
    {"active_defrag_running", Maximum},
    {"maxmemory", SumOfLimits},
    {"maxmemory_policy", First},
    {"mem_allocator", First},
    {"number_of_cached_scripts", Maximum},
    {"number_of_functions", Maximum},
    {"number_of_libraries", Maximum},
    {"total_system_memory", Maximum},
    // Persistence
    {"*_status", Status},
    {"aof_base_size", Sum},
    {"aof_current_size", Sum},
    {"aof_rewrites*", Sum},
    {"rdb_changes_since_last_save", Sum},
    {"rdb_last_load_keys_*", Sum},
    {"rdb_last_save_time", Minimum},
    {"rdb_saves", Sum},
    // Stats
    {"latest_fork_usec", Maximum},
    {"tracking_total_prefixes", Maximum},
    // Replication
    {"min_slaves_good_slaves", Minimum},
    {"repl_backlog_active", Maximum},
    {"slave_expires_tracked_keys", Sum},
    {"slave*", Leave},
    // Lists of names
    {"cmdstat_*", Counters},
    {"db*", Counters},
    {"errorstat_*", Counters},
    {"latency_percentiles_usec_*", Counters},
};

constexpr Field kSections[] = {
    {"Clients", Sum},         {"CPU", Sum},   {"Memory", Sum},      {"Modules", Lines},
    {"Persistence", Maximum}, {"Stats", Sum}, {"Replication", Sum},
};

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.starts_with('*')) return name.ends_with(pattern.substr(1));
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

struct Counter {
  std::string_view name;
  CounterRule rule;
};
constexpr Counter kCounters[] = {
    {"usec_per_call", CounterRule::UsecPerCall},
    {"avg_ttl", CounterRule::AverageByExpires},
    {"p*", CounterRule::Maximum},
};

}  // namespace

InfoRule infoRule(std::string_view section, std::string_view field) noexcept {
  const auto* found = std::find_if(std::begin(kFields), std::end(kFields),
                                   [&](const Field& each) { return matches(each.name, field); });
  if (found != std::end(kFields)) return found->rule;
  const auto* general = std::find_if(std::begin(kSections), std::end(kSections),
                                     [&](const Field& each) { return each.name == section; });
  return general == std::end(kSections) ? First : general->rule;
}

CounterRule counterRule(std::string_view part) noexcept {
  const auto* found = std::find_if(std::begin(kCounters), std::end(kCounters),
                                   [&](const Counter& each) { return matches(each.name, part); });
  return found == std::end(kCounters) ? CounterRule::Sum : found->rule;
}

}  // namespace slotless::routing
