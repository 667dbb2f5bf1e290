#include "proxy/observe/latency_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

namespace slotless::session {

namespace {

constexpr std::size_t kRows = 4;
// Parts of a row: what is filled less than a row ends in one of them.
constexpr std::string_view kTops = "_o#";
constexpr std::size_t kWidth = 80;

std::string age(std::int64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 86400) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

struct Range {
  std::int64_t low;
  std::int64_t high;
};

Range rangeOf(std::span<const LatencySample> samples) {
  const auto [low, high] = std::minmax_element(
      samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.millis < b.millis; });
  return {low->millis, high->millis};
}

// From 0, the lowest, on.
std::size_t stepOf(std::int64_t millis, Range range) {
  const auto steps = static_cast<std::int64_t>(kRows * kTops.size());
  if (range.low == range.high) return static_cast<std::size_t>(steps - 1);
  return static_cast<std::size_t>((millis - range.low) * (steps - 1) / (range.high - range.low));
}

void appendBars(std::string& text, std::span<const LatencySample> samples, Range range) {
  for (std::size_t row = kRows; row-- > 0;) {
    std::string line;
    for (const LatencySample& sample : samples) {
      const std::size_t step = stepOf(sample.millis, range);
      const std::size_t top = step / kTops.size();
      line += top < row ? ' ' : top > row ? '|' : kTops[step % kTops.size()];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
}

// Downwards: a column is one letter wide.
void appendAges(std::string& text, std::span<const LatencySample> samples, std::int64_t nowUnix) {
  std::vector<std::string> ages;
  std::size_t longest = 0;
  for (const LatencySample& sample : samples) {
    ages.push_back(age(std::max<std::int64_t>(0, nowUnix - sample.unixTime)));
    longest = std::max(longest, ages.back().size());
  }
  for (std::size_t letter = 0; letter < longest; ++letter) {
    std::string line;
    for (const std::string& each : ages) line += letter < each.size() ? each[letter] : ' ';
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
}

std::string formatted(const char* format, auto... values) {
  std::array<char, 200> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, values...);
  return buffer.data();
}

void appendDiagnosis(std::string& text, int number, LatencyKind kind, const LatencySeries& series) {
  std::int64_t sum = 0;
  for (const LatencySample& sample : series.samples) sum += sample.millis;
  const auto count = static_cast<std::int64_t>(series.samples.size());
  const std::int64_t span = series.samples.back().unixTime - series.samples.front().unixTime;
  text += formatted("%d. %s: %lld times (average %lld ms, worst %lld ms", number,
                    std::string(latencyName(kind)).c_str(), static_cast<long long>(count),
                    static_cast<long long>(sum / count), static_cast<long long>(series.worst));
  if (count > 1) {
    text += formatted(", one every %.1f s", static_cast<double>(span) / static_cast<double>(count - 1));
  }
  text += ").\n   " + std::string(latencyAdvice(kind)) + "\n";
}

}  // namespace

std::string latencyGraphText(LatencyKind kind, const LatencySeries& series, std::int64_t nowUnix) {
  std::span<const LatencySample> samples(series.samples);
  const Range range = rangeOf(samples);
  std::string text = formatted("%s - high %lld ms, low %lld ms (all time high %lld ms)\n",
                               std::string(latencyName(kind)).c_str(), static_cast<long long>(range.high),
                               static_cast<long long>(range.low), static_cast<long long>(series.worst));
  text += std::string(kWidth, '-') + "\n";
  while (!samples.empty()) {
    const auto columns = samples.first(std::min(samples.size(), kWidth));
    appendBars(text, columns, range);
    text += "\n";
    appendAges(text, columns, nowUnix);
    samples = samples.subspan(columns.size());
    if (!samples.empty()) text += "\n";
  }
  return text;
}

std::string latencyDoctorText(std::span<const AllLatencySeries> parts, net::Millis threshold) {
  const auto limit = std::to_string(threshold.count());
  std::string text;
  int number = 0;
  for (std::size_t i = 0; i < kLatencyKinds; ++i) {
    const auto kind = static_cast<LatencyKind>(i);
    const LatencySeries series = mergeLatency(parts, kind);
    if (!series.samples.empty()) appendDiagnosis(text, ++number, kind, series);
  }
  if (number > 0) return "These events have taken " + limit + " ms or longer:\n\n" + text;
  if (threshold.count() > 0) return "No event has taken " + limit + " ms or longer.\n";
  return "Events are not watched: latency-monitor-threshold is 0. How long commands take is "
         "in LATENCY HISTOGRAM, which of them were slow in SLOWLOG GET and PROXY SLOWLOG.\n";
}

}  // namespace slotless::session
