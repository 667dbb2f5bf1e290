// Database rules: as text, what is wrong with them, and which one counts.
#include "config/database_rule.h"

#include "loading.h"

using namespace slotless::config;

TEST_CASE("A database rule is read back from its text") {
  struct Case {
    const char* text;
    DatabaseRule rule;
  };
  const auto& c = GENERATE(values<Case>({{"3=pinned", {3, 3, DatabaseLayout::Pinned, ""}},
                                         {"3=pinned:jobs", {3, 3, DatabaseLayout::Pinned, "jobs"}},
                                         {"0=spread", {0, 0, DatabaseLayout::Spread, ""}},
                                         {"8-15=denied", {8, 15, DatabaseLayout::Denied, ""}}}));
  INFO(c.text);
  const auto parsed = parseDatabaseRule(c.text);
  REQUIRE(parsed.value);
  CHECK(*parsed.value == c.rule);
  CHECK(formatDatabaseRule(*parsed.value) == c.text);
}

TEST_CASE("What is wrong with a database rule is said") {
  struct Case {
    const char* text;
    const char* reason;
  };
  const std::string number = "before the = there must be a database's number, or two with a - between them";
  const std::string word = "after the = there must be spread, pinned, pinned:TAG or denied";
  const std::string tag = "a tag is made of 1 to 32 letters, digits and -_.:";
  CHECK(parseDatabaseRule("3").reason == "the = is missing");
  for (const char* text :
       {"=pinned", "x=pinned", "-1=pinned", "1-=pinned", "1-2-3=pinned", "999999=pinned"}) {
    INFO(text);
    CHECK(parseDatabaseRule(text).reason == number);
  }
  for (const char* text : {"1=", "1=PINNED", "1=here", "1=:x"}) {
    INFO(text);
    CHECK(parseDatabaseRule(text).reason == word);
  }
  for (const char* text : {"1=pinned:", "1=pinned:{a}", "1=pinned:a b"}) {
    INFO(text);
    CHECK(parseDatabaseRule(text).reason == tag);
  }
  CHECK(parseDatabaseRule("5-3=denied").reason == "the range of databases runs backwards");
  CHECK(parseDatabaseRule("1=spread:x").reason == "only a pinned database has a tag");
  CHECK(parseDatabaseRule("1-2=pinned:x").reason == "several databases cannot have the same tag");
}

TEST_CASE("The last rule for a database counts") {
  Config config;
  CHECK(ruleFor(config, 0).layout == DatabaseLayout::Spread);
  CHECK(ruleFor(config, 1).layout == DatabaseLayout::Pinned);
  config.databaseLayout = {{1, 15, DatabaseLayout::Denied, ""}, {2, 2, DatabaseLayout::Pinned, "x"}};
  CHECK(ruleFor(config, 1).layout == DatabaseLayout::Denied);
  CHECK(ruleFor(config, 2).tag == "x");
}

TEST_CASE("A database that is named must be there") {
  const auto problem = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--cluster-nodes", "h:1"});
    return Loading{arguments, {}, {}}.errors();
  };
  CHECK(problem({"--database-layout", "16=denied"}).size() == 1);
  CHECK(problem({"--default-database", "16"}).size() == 1);
  CHECK(problem({"--default-database", "3", "--database-layout", "3=denied"}).size() == 1);
  CHECK(problem({"--listen", "127.0.0.1:1?default-database=16"}).size() == 1);
  CHECK(problem({"--default-database", "3", "--database-layout", "4-15=denied"}).empty());
}
