// A map by name that is made of many.
#include "proxy/pubsub/name_map.h"

#include <map>
#include <string>

#include "catch.h"

using slotless::pubsub::NameMap;

TEST_CASE("a map of many tables finds, visits and erases like one") {
  NameMap<int> map;
  CHECK(map.begin() == map.end());
  CHECK(map.find("a") == map.end());
  std::map<std::string, int> expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "name" + std::to_string(i % 2000);
    const auto [position, isNew] = map.emplace(name, i);
    CHECK(isNew == expected.emplace(name, i).second);
    CHECK(position->second == expected[name]);
  }
  CHECK(map.size() == 2000);
  std::map<std::string, int> visited;
  for (const auto& [name, value] : map) visited.emplace(name, value);
  CHECK(visited == expected);
  std::size_t inTables = 0;
  for (std::size_t table = 0; table < NameMap<int>::kTables; ++table)
    map.visitTable(table, [&](const std::string&, int) { ++inTables; });
  CHECK(inTables == 2000);
  for (auto each = map.begin(); each != map.end();) each = each->second % 2 == 0 ? map.erase(each) : ++each;
  CHECK(map.size() == 1000);
  CHECK(map.contains("name1"));
  CHECK_FALSE(map.contains("name2"));
  const NameMap<int>& seen = map;
  CHECK(seen.find("name3")->second == 3);
  map.erase(map.find("name3"));
  CHECK(seen.find("name3") == seen.end());
}
