#include "proxy/routing/sort_order.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>

namespace slotless::routing {

namespace {

std::optional<double> scoreOf(const SortElement& element, const SortQuery& query) {
  if (query.hasWeights() && !element.weight) return 0.0;
  const std::string& text = query.hasWeights() ? *element.weight : element.text;
  char* end = nullptr;
  errno = 0;
  const double score = std::strtod(text.c_str(), &end);
  if (end != text.c_str() + text.size() || errno == ERANGE || std::isnan(score)) return std::nullopt;
  return score;
}

// Missing weights come first.
int compareTexts(const SortElement& a, const SortElement& b, const SortQuery& query) {
  if (!query.hasWeights()) return a.text.compare(b.text);
  if (a.weight && b.weight) return a.weight->compare(*b.weight);
  return static_cast<int>(a.weight.has_value()) - static_cast<int>(b.weight.has_value());
}

}  // namespace

bool SortOrder::add(std::size_t end) {
  const std::size_t first = order_.size();
  for (std::size_t place = first; place < end; ++place) {
    if (!query_.alpha) {
      const auto score = scoreOf(elements_[place], query_);
      if (!score) return false;
      scores_.push_back(*score);
    }
    order_.push_back(place);
  }
  if (first == end) return true;
  std::sort(order_.begin() + static_cast<std::ptrdiff_t>(first), order_.end(),
            [&](std::size_t a, std::size_t b) { return before(a, b); });
  runs_.push_back({first, end});
  return true;
}

std::optional<std::size_t> SortOrder::next() {
  const auto later = [&](const Run& a, const Run& b) { return startsLater(a, b); };
  if (!merging_) std::make_heap(runs_.begin(), runs_.end(), later);
  merging_ = true;
  if (runs_.empty()) return std::nullopt;
  std::pop_heap(runs_.begin(), runs_.end(), later);
  Run& run = runs_.back();
  const std::size_t place = order_[run.first++];
  if (run.first == run.end) {
    runs_.pop_back();
  } else {
    std::push_heap(runs_.begin(), runs_.end(), later);
  }
  return place;
}

// Those that are equal stay in the order in which they came.
bool SortOrder::before(std::size_t a, std::size_t b) const {
  int order = 0;
  if (query_.alpha) {
    order = compareTexts(elements_[a], elements_[b], query_);
  } else {
    order = scores_[a] < scores_[b] ? -1 : scores_[a] > scores_[b] ? 1 : 0;
    if (order == 0) order = elements_[a].text.compare(elements_[b].text);
  }
  if (order == 0) return a < b;
  return query_.descending ? order > 0 : order < 0;
}

}  // namespace slotless::routing
