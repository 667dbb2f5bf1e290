#include "proxy/page/actions.h"

#include <algorithm>
#include <array>

namespace slotless::page {

namespace {

struct Order {
  PageSources& sources;
  std::optional<std::int64_t> argument;
  const std::string& who;
};

Outcome pause(const Order& order) {
  constexpr std::int64_t kMost = std::chrono::milliseconds(kLongestPause).count();
  if (!order.argument || *order.argument < 1 || *order.argument > kMost)
    return {400, "argument: milliseconds, from 1 to " + std::to_string(kMost)};
  order.sources.pause(std::chrono::milliseconds(*order.argument), order.who);
  return {200, "Clients are paused for " + std::to_string(*order.argument) + " ms"};
}

Outcome resume(const Order& order) {
  order.sources.resume(order.who);
  return {200, "Clients go on"};
}

Outcome killClient(const Order& order) {
  if (!order.argument || *order.argument < 1) return {400, "argument: the id of a client"};
  const std::string id = std::to_string(*order.argument);
  if (order.sources.killClient(static_cast<std::uint64_t>(*order.argument), order.who))
    return {200, "Client " + id + " has been closed"};
  return {409, "There is no client " + id};
}

Outcome resetStatistics(const Order& order) {
  order.sources.resetStatistics();
  return {200, "INFO and LATENCY HISTOGRAM count from now on"};
}

Outcome reload(const Order& order) {
  order.sources.reload();
  return {200, "The configuration is being read; the events and the log tell what has become of it"};
}

struct Row {
  std::string_view name;
  Outcome (*perform)(const Order&);
};
constexpr std::array kActions = {Row{"pause", pause}, Row{"resume", resume}, Row{"kill-client", killClient},
                                 Row{"reset-statistics", resetStatistics}, Row{"reload", reload}};

}  // namespace

Outcome perform(PageSources& sources, std::string_view action, std::optional<std::int64_t> argument,
                const std::string& who) {
  const auto* const found =
      std::find_if(kActions.begin(), kActions.end(), [&](const Row& row) { return row.name == action; });
  if (found == kActions.end()) return {404, "There is no such action"};
  return found->perform({sources, argument, who});
}

}  // namespace slotless::page
