// Database rules: as text, what is wrong with them, and which one counts.
#include "config/database_rule.h"

#include "loading.h"

using namespace slotless::config;

TEST_CASE("A database rule is read back from its text") {
  struct Case {
    const char* text;
    DatabaseRule rule;
  };
  const auto& c = GENERATE(
      values<Case>({{"3=pinned", {3, 3, DatabaseLayout::Pinned, ""}},
                    {"3=pinned:jobs", {3, 3, DatabaseLayout::Pinned, "jobs"}},
                    {"0=spread", {0, 0, DatabaseLayout::Spread, ""}},
                    {"2=grouped:bull:*:", {2, 2, DatabaseLayout::Grouped, "", "bull:*:"}},
                    {"2-4=grouped:{*}:|u=*:x:*|*:", {2, 4, DatabaseLayout::Grouped, "", "{*}:|u=*:x:*|*:"}},
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
  const std::string word = "after the = there must be spread, pinned, pinned:TAG, grouped:PATTERN, native or denied";
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

TEST_CASE("What is wrong with the patterns of a grouped database is said") {
  struct Case {
    std::string text;
    const char* reason;
  };
  const char* characters =
      "patterns of a grouped database are made of visible characters of ASCII other than quotation marks, "
      "backslash, comma and question mark";
  const char* none = "a grouped database needs patterns of its keys, as in 2=grouped:bull:*:";
  const char* many = "a grouped database has up to 64 patterns and 1024 characters of them";
  const char* empty = "a pattern of a grouped database is empty";
  std::string sixtyFive = "a:*";
  for (int i = 1; i < 65; ++i) sixtyFive += "|a:*";
  const Case cases[] = {
      {"", none},
      {":", none},
      {":bull:", "a pattern of a grouped database needs a star: what it stands for is the group"},
      {":bull:**:", "between two stars of a pattern there must be something that ends the first one"},
      {":*", "a star alone is no pattern of a grouped database: each key would be its own group"},
      {":bull:*:|", empty},
      {":|bull:*:", empty},
      {":a:*||b:*", empty},
      {":a b:*", characters},
      {":a\"b:*", characters},
      {":a\\b:*", characters},
      {":a?b:*", characters},
      {":\xc3\xa4:*", characters},
      {":" + sixtyFive, many},
      {":*" + std::string(1024, 'a'), many},
  };
  for (const Case& each : cases) {
    INFO(each.text);
    CHECK(parseDatabaseRule("2=grouped" + each.text).reason == each.reason);
  }
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
