// Elements in SORT's order, a few at a time: runs are put in order as their weights become known, and merged
// as they are taken, so that no step takes long by how many elements there are. Pure.
//
// Source: Redis 7.0 sort.c (sortCompare()). Texts are compared byte by byte, as in the C locale.
#pragma once
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "proxy/routing/sort_query.h"

namespace slotless::routing {

class SortOrder {
 public:
  // Refers to the elements, which stay where they are and grow no more.
  SortOrder(const std::deque<SortElement>& elements, SortQuery query)
      : elements_(elements), query_(std::move(query)) {}

  // So many elements have been added.
  std::size_t added() const noexcept { return order_.size(); }
  // Adds the next ones, up to `end`, whose weights are known. False: one is no number.
  [[nodiscard]] bool add(std::size_t end);
  // The place of the next element, once all have been added. nullopt: that was all.
  std::optional<std::size_t> next();

 private:
  struct Run {
    std::size_t first, end;  // in order_
  };

  bool before(std::size_t a, std::size_t b) const;
  bool startsLater(const Run& a, const Run& b) const { return before(order_[b.first], order_[a.first]); }

  const std::deque<SortElement>& elements_;
  const SortQuery query_;
  std::vector<double> scores_;      // without ALPHA
  std::vector<std::size_t> order_;  // run by run
  std::vector<Run> runs_;           // a heap once next() has been called
  bool merging_ = false;
};

}  // namespace slotless::routing
