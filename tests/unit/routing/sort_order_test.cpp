// SORT's order as in Redis 7.0, however few elements come at a time.
#include "proxy/routing/sort_order.h"

#include <algorithm>
#include <string>

#include "catch.h"

namespace slotless::routing {
namespace {

std::deque<SortElement> elements(const std::vector<std::string>& texts) {
  std::deque<SortElement> made;
  for (const std::string& text : texts) made.push_back({text, {}});
  return made;
}

// In their order, added so many at a time; "not a number" if one is none.
std::string sorted(const std::deque<SortElement>& elements, const SortQuery& query, std::size_t atOnce) {
  SortOrder order(elements, query);
  while (order.added() < elements.size()) {
    if (!order.add(std::min(elements.size(), order.added() + atOnce))) return "not a number";
  }
  std::string texts;
  while (const auto place = order.next()) texts += (texts.empty() ? "" : " ") + elements[*place].text;
  return texts;
}

std::string sorted(const std::deque<SortElement>& elements, const SortQuery& query) {
  const std::string all = sorted(elements, query, elements.size());
  for (std::size_t atOnce = 1; atOnce < elements.size(); ++atOnce)
    CHECK(sorted(elements, query, atOnce) == all);
  return all;
}

TEST_CASE("numbers are compared as numbers, equal ones by text, and no number is an error", "[sort]") {
  SortQuery query;
  const auto list = elements({"10", "9", "1e1", "-2.5"});
  CHECK(sorted(list, query) == "-2.5 9 10 1e1");
  query.descending = true;
  CHECK(sorted(list, query) == "1e1 10 9 -2.5");
  for (const char* text : {"x", "1x", "nan", "1e999"})
    CHECK(sorted(elements({"1", text}), query) == "not a number");
  query.alpha = true;
  CHECK(sorted(list, query) == "9 1e1 10 -2.5");
}

TEST_CASE("weights decide, missing ones are 0 or come first, equal ones leave it to the element", "[sort]") {
  SortQuery query;
  query.by = "w_*";
  std::deque<SortElement> list = {{"a", "3"}, {"d", {}}, {"c", "-1"}, {"b", "3"}};
  CHECK(sorted(list, query) == "c d a b");
  list[0].weight = "x";
  CHECK(sorted(list, query) == "not a number");
  query.alpha = true;
  CHECK(sorted(list, query) == "d c b a");
  list[0].weight = "3";
  CHECK(sorted(list, query) == "d c a b");  // equal: as they came …
  query.descending = true;
  CHECK(sorted(list, query) == "a b c d");  // … in both directions
}

TEST_CASE("nothing is in order, too", "[sort]") {
  const std::deque<SortElement> none;
  SortOrder order(none, {});
  CHECK(order.add(0));
  CHECK_FALSE(order.next());
}

TEST_CASE("runs of many elements come out as one", "[sort]") {
  std::deque<SortElement> list;
  std::uint32_t state = 7;
  for (int i = 0; i < 1000; ++i) {
    state = state * 1664525 + 1013904223;
    list.push_back({std::to_string((state >> 16) % 200), {}});
  }
  std::vector<std::string> expected;
  for (const SortElement& element : list) expected.push_back(element.text);
  std::stable_sort(expected.begin(), expected.end(),
                   [](const std::string& a, const std::string& b) { return std::stoi(a) < std::stoi(b); });
  std::string texts;
  for (const std::string& text : expected) texts += (texts.empty() ? "" : " ") + text;
  for (const std::size_t atOnce : {1U, 7U, 256U, 1000U}) CHECK(sorted(list, {}, atOnce) == texts);
}

}  // namespace
}  // namespace slotless::routing
