#include "proxy/telemetry/call_sites.h"

#include <map>
#include <mutex>
#include <string_view>
#include <tuple>

namespace slotless::log::detail {

namespace {

using Place = std::tuple<std::string_view, std::uint_least32_t, std::uint_least32_t>;

struct Sites {
  std::mutex mutex;
  std::map<Place, RateLimit> limits;
};

}  // namespace

RateLimit& limitOf(const Site& site, std::uint32_t eventsPerSecond) {
  static auto* const kSites = new Sites;  // threads may log while the process ends
  const std::lock_guard guard(kSites->mutex);
  return kSites->limits.try_emplace(Place(site.file_name(), site.line(), site.column()), eventsPerSecond)
      .first->second;
}

}  // namespace slotless::log::detail
