#include "proxy/observe/latency_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
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

// A worker that takes so long at times keeps its other clients waiting for more than a network does.
constexpr double kLongTurnMicros = 10'000;
constexpr std::string_view kTurnAdvice =
    "Give it CPU time, have more workers, or look for very large requests and replies (SLOWLOG, COMMANDLOG).";
// A node that stands out.
constexpr double kSlowNodeMicros = 5'000;
constexpr double kTimesUsual = 4;

std::uint64_t countIn(const observe::Buckets& buckets) {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

// "1234, half of them within 0.2 ms, 99 of 100 within 1.5 ms"
std::string shares(const observe::Buckets& buckets) {
  const std::uint64_t count = countIn(buckets);
  if (count == 0) return "none";
  return formatted("%llu, half of them within %.1f ms, 99 of 100 within %.1f ms",
                   static_cast<unsigned long long>(count), observe::quantileMicros(buckets, 0.5) / 1000,
                   observe::quantileMicros(buckets, 0.99) / 1000);
}

// The middle one of what the nodes take at most, in 99 of 100 cases.
double usualOf(const std::map<std::string, observe::NodeSample>& nodes) {
  std::vector<double> all;
  for (const auto& [name, node] : nodes) {
    if (countIn(node.latency) > 0) all.push_back(observe::quantileMicros(node.latency, 0.99));
  }
  if (all.empty()) return 0;
  // Of two the quicker one.
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>((all.size() - 1) / 2);
  std::nth_element(all.begin(), middle, all.end());
  return *middle;
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

std::string latencyFiguresText(const observe::Buckets& turns,
                               const std::map<std::string, observe::NodeSample>& nodes) {
  const double longTurn = observe::quantileMicros(turns, 0.99);
  std::string text =
      "Since the start:\n\nTurns of the workers' loops, in which clients wait for each other: " +
      shares(turns) + ".\n";
  if (longTurn >= kLongTurnMicros) text += "   They are long. " + std::string(kTurnAdvice) + "\n";
  text += "\nFrom sending a request to a node to the end of its reply:\n";
  const double usual = usualOf(nodes);
  for (const auto& [name, node] : nodes) {
    text += "   " + name + ": " + shares(node.latency);
    const double late = observe::quantileMicros(node.latency, 0.99);
    if (late >= kSlowNodeMicros && late >= kTimesUsual * usual) text += " (much slower than the others)";
    text += "\n";
  }
  if (nodes.empty()) text += "   no node has been asked yet\n";
  return text;
}

}  // namespace slotless::session
