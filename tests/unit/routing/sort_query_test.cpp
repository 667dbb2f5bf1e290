// SORT's arguments and its patterns, as in Redis 7.0.
#include "proxy/routing/sort_query.h"

#include <string>
#include <vector>

#include "catch.h"

namespace slotless::routing {
namespace {

std::optional<SortQuery> parse(const std::vector<std::string_view>& argv,
                               SortStore store = SortStore::Allowed) {
  std::string_view error;
  return parseSort(argv, store, error);
}

std::string errorOf(const std::vector<std::string_view>& argv, SortStore store = SortStore::Allowed) {
  std::string_view error;
  CHECK_FALSE(parseSort(argv, store, error));
  return std::string(error);
}

TEST_CASE("options stand in any order, and the last of a kind counts", "[sort]") {
  const auto query = parse({"SORT", "k", "alpha", "BY", "w_*", "get", "#", "LIMIT", "2", "-1", "GET",
                            "h_*->f", "desc", "STORE", "s", "by", "v_*"});
  REQUIRE(query);
  CHECK(query->key == "k");
  CHECK(query->alpha);
  CHECK(query->descending);
  CHECK(query->offset == 2);
  CHECK(query->count == -1);
  CHECK(query->by == "v_*");
  CHECK(query->get == std::vector<std::string>{"#", "h_*->f"});
  CHECK(query->store == "s");
  CHECK(query->hasWeights());
  CHECK_FALSE(query->keepsOrder);
  CHECK(query->namesByPattern);
}

TEST_CASE("one BY without a pattern is enough for the order to stay", "[sort]") {
  for (const std::vector<std::string_view>& argv :
       std::vector<std::vector<std::string_view>>{{"SORT", "k", "BY", "nosort"},
                                                  {"SORT", "k", "BY", ""},
                                                  {"SORT", "k", "BY", "nosort", "BY", "w_*"},
                                                  {"SORT", "k", "BY", "w_*", "BY", "nosort"}}) {
    const auto query = parse(argv);
    REQUIRE(query);
    CHECK(query->keepsOrder);
    CHECK_FALSE(query->hasWeights());
    CHECK(query->namesByPattern == (argv.size() == 6));
  }
  CHECK_FALSE(parse({"SORT", "k"})->keepsOrder);
  CHECK_FALSE(parse({"SORT", "k"})->hasWeights());
}

TEST_CASE("the first word that is wrong is the error", "[sort]") {
  const std::string syntax = "ERR syntax error";
  const std::string number = "ERR value is not an integer or out of range";
  struct Row {
    std::vector<std::string_view> argv;
    std::string error;
  };
  for (const Row& row : std::vector<Row>{{{"SORT", "k", "BY"}, syntax},
                                         {{"SORT", "k", "GET"}, syntax},
                                         {{"SORT", "k", "STORE"}, syntax},
                                         {{"SORT", "k", "LIMIT", "1"}, syntax},
                                         {{"SORT", "k", "LIMIT", "a", "1"}, number},
                                         {{"SORT", "k", "LIMIT", "1", ""}, number},
                                         {{"SORT", "k", "LIMIT", "00", "1"}, number},
                                         {{"SORT", "k", "LIMIT", "0", "-0"}, number},
                                         {{"SORT", "k", "LIMIT", "+0", "1"}, number},
                                         {{"SORT", "k", "LIMIT", "a", "1", "sideways"}, number},
                                         {{"SORT", "k", "sideways", "LIMIT", "a", "1"}, syntax}}) {
    CHECK(errorOf(row.argv) == row.error);
  }
  CHECK(errorOf({"SORT"}).empty());  // the number of its words is for others to judge
}

TEST_CASE("SORT_RO stores nothing", "[sort]") {
  CHECK(errorOf({"SORT_RO", "k", "STORE", "to"}, SortStore::Refused) == "ERR syntax error");
  CHECK(parse({"SORT_RO", "k"}, SortStore::Refused)->readOnly);
}

TEST_CASE("a pattern names a key or a field of a hash", "[sort]") {
  struct Row {
    const char *pattern, *key, *field;
  };
  for (const Row& row : std::vector<Row>{{"w_*", "w_7", ""},
                                         {"*", "7", ""},
                                         {"a*b*c", "a7b*c", ""},
                                         {"h_*->f", "h_7", "f"},
                                         {"h_*_x->f->g", "h_7_x", "f->g"},
                                         {"h_*->", "h_7->", ""},     // no field: part of the key
                                         {"a->b*", "a->b7", ""}}) {  // in front of the '*': part of the key
    INFO(row.pattern);
    const auto found = sortLookUp(row.pattern, "7");
    REQUIRE(found);
    CHECK(found->key == row.key);
    CHECK(found->field == row.field);
  }
  CHECK_FALSE(sortLookUp("constant", "7"));
  CHECK_FALSE(sortLookUp("#", "7"));
}

TEST_CASE("LIMIT takes what there is", "[sort]") {
  struct Row {
    std::int64_t offset, count;
    std::size_t begin, end;
  };
  for (const Row& row : std::vector<Row>{{0, -1, 0, 3},
                                         {1, 1, 1, 2},
                                         {1, 100, 1, 3},
                                         {-5, 2, 0, 2},
                                         {3, 1, 3, 3},
                                         {9, -1, 3, 3},
                                         {0, 0, 0, 0},
                                         {1, INT64_MAX, 1, 3}}) {
    INFO(row.offset << " " << row.count);
    SortQuery query;
    query.offset = row.offset;
    query.count = row.count;
    const SortRange range = limitedRange(3, query);
    CHECK(range.begin == row.begin);
    CHECK(range.end == row.end);
  }
}

}  // namespace
}  // namespace slotless::routing
