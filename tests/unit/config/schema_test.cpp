#include "config/schema.h"

#include <set>

#include "catch.h"
#include "config/member_count.h"

using namespace slotless::config;

TEST_CASE("Every member of Config has exactly one row") {
  const auto rows = schema();
  CHECK(rows.size() + 1 == memberCount<Config>());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      INFO(rows[i].name << " and " << rows[j].name);
      CHECK_FALSE(rows[i].member == rows[j].member);
    }
  }
}

TEST_CASE("Names are distinct, in kebab case, and lead back to their row") {
  std::set<std::string> variables;
  for (const auto& option : schema()) {
    INFO(option.name);
    CHECK(option.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos);
    CHECK(findOption(option.name) == &option);
    CHECK(variables.insert(environmentName(option.name)).second);
    if (!option.redisVariable.empty()) CHECK(variables.insert(std::string(option.redisVariable)).second);
  }
  CHECK(findOption("nothing") == nullptr);
  CHECK(environmentName("hold-timeout") == "SLOTLESS_HOLD_TIMEOUT");
}

TEST_CASE("The rows of a group stand together, and each has a sentence that fits a table") {
  std::set<Group> seen;
  auto last = schema().front().group;
  for (const auto& option : schema()) {
    INFO(option.name);
    CHECK(option.sentence.ends_with('.'));
    CHECK(option.sentence.find_first_of("|\n") == std::string_view::npos);
    CHECK(option.min <= option.max);
    CHECK_FALSE(title(option.group).empty());
    if (option.group != last) CHECK_FALSE(seen.contains(option.group));
    seen.insert(option.group);
    last = option.group;
  }
}

TEST_CASE("Members are counted up to the last one") {
  struct Three {
    int a;
    std::string b;
    std::vector<int> c;
  };
  CHECK(memberCount<Three>() == 3);
}
