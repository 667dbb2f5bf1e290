#include "proxy/observe/latency_events.h"

#include <algorithm>
#include <utility>

namespace slotless::session {

namespace {

struct KindText {
  std::string_view name;
  std::string_view advice;
};
constexpr std::array<KindText, kLatencyKinds> kTexts{{
    {"command",
     "From a request's arrival to the end of its reply. SLOWLOG GET has the commands; "
     "PROXY SLOWLOG says which node served each and how much of the time was spent there."},
    {"fast-command",
     "As `command`, but these take a node next to no time. They waited: for a slot "
     "without a master, behind a slow command on the same node, or for CPU time."},
    {"upstream",
     "From sending a request to a node to the end of its reply. The node, "
     "or the network to it, is slow: ask its own LATENCY and SLOWLOG."},
    {"event-loop",
     "One turn of a worker, in which its other clients have waited. Give it "
     "CPU time, have more workers, or look for very large requests and replies."},
}};

void keepNewest(std::vector<LatencySample>& samples) {
  if (samples.size() <= LatencyEvents::kMostSamples) return;
  samples.erase(samples.begin(), samples.end() - static_cast<std::ptrdiff_t>(LatencyEvents::kMostSamples));
}

}  // namespace

std::string_view latencyName(LatencyKind kind) noexcept {
  return kTexts[static_cast<std::size_t>(kind)].name;
}

std::string_view latencyAdvice(LatencyKind kind) noexcept {
  return kTexts[static_cast<std::size_t>(kind)].advice;
}

std::optional<LatencyKind> latencyKind(std::string_view name) noexcept {
  const auto* found =
      std::find_if(kTexts.begin(), kTexts.end(), [&](const KindText& text) { return text.name == name; });
  if (found == kTexts.end()) return std::nullopt;
  return static_cast<LatencyKind>(found - kTexts.begin());
}

LatencySeries mergeLatency(std::span<const AllLatencySeries> parts, LatencyKind kind) {
  LatencySeries merged;
  for (const AllLatencySeries& part : parts) {
    const LatencySeries& series = part[static_cast<std::size_t>(kind)];
    merged.samples.insert(merged.samples.end(), series.samples.begin(), series.samples.end());
    merged.worst = std::max(merged.worst, series.worst);
  }
  // Of one second the worst stands first, and stays.
  std::sort(merged.samples.begin(), merged.samples.end(), [](const LatencySample& a, const LatencySample& b) {
    return std::pair(a.unixTime, -a.millis) < std::pair(b.unixTime, -b.millis);
  });
  const auto sameSecond = [](const LatencySample& a, const LatencySample& b) {
    return a.unixTime == b.unixTime;
  };
  merged.samples.erase(std::unique(merged.samples.begin(), merged.samples.end(), sameSecond),
                       merged.samples.end());
  keepNewest(merged.samples);
  return merged;
}

void LatencyEvents::add(LatencyKind kind, std::int64_t millis) {
  using namespace std::chrono;
  const std::int64_t second = duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
  LatencySeries& series = series_[static_cast<std::size_t>(kind)];
  series.worst = std::max(series.worst, millis);
  if (!series.samples.empty() && series.samples.back().unixTime == second) {
    series.samples.back().millis = std::max(series.samples.back().millis, millis);
    return;
  }
  series.samples.push_back({second, millis});
  keepNewest(series.samples);
}

bool LatencyEvents::clear(LatencyKind kind) {
  LatencySeries& series = series_[static_cast<std::size_t>(kind)];
  const bool had = !series.samples.empty();
  series = {};
  return had;
}

}  // namespace slotless::session
