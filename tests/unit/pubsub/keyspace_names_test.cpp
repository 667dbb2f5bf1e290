#include "proxy/pubsub/keyspace_names.h"

#include "catch.h"

using namespace slotless::pubsub;
using slotless::config::DatabaseLayout;

namespace {

// Databases 0 (unmapped), 1 pinned to tag a, 2 grouped, 3 spread, 4 denied, of 16.
struct Fixture {
  slotless::config::Config config = [] {
    slotless::config::Config made;
    made.databases = 16;
    made.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                           {2, 2, DatabaseLayout::Grouped, "", "q:*:"},
                           {3, 3, DatabaseLayout::Spread, ""},
                           {4, 4, DatabaseLayout::Denied, ""}};
    return made;
  }();
  slotless::databases::Databases databases{config};
  KeyspaceNames names{databases};

  std::string sources(TopicKind kind, std::string_view name) const {
    std::string out;
    for (const TopicName& each : names.sourcesOf(kind, name)) {
      CHECK(each.kind == kind);
      CHECK(names.concernsEveryServer(kind, each.name));
      out += (out.empty() ? "" : " ") + each.name;
    }
    return out;
  }
  std::string translated(std::string_view channel, std::string_view payload) const {
    const auto found = names.translate(channel, payload);
    return found ? found->channel + " " + std::string(found->payload) : "nobody's";
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a channel about a key is found under the key's name in the cluster") {
  const auto of = [&](std::string_view name) { return sources(TopicKind::Channel, name); };
  CHECK(of("__keyspace@1__:foo") == "__keyspace@0__:~1{a}foo");
  CHECK(of("__keyspace@2__:q:a:x") == "__keyspace@0__:" + databases.at(2).physicalName("q:a:x"));
  CHECK(of("__keyspace@3__:{x}y") == "__keyspace@0__:~3:{x}y");
  CHECK(of("__keyspace@0__:foo") == "__keyspace@0__:foo");
  CHECK(of("__keyevent@1__:del") == "__keyevent@0__:del");
  CHECK(of("__keyevent@0__:del") == "__keyevent@0__:del");
}

TEST_CASE_METHOD(Fixture, "a pattern of a grouped database's keys takes any tag in the cluster") {
  CHECK(sources(TopicKind::Pattern, "__keyspace@2__:q:*:x") == "__keyspace@0__:~2{???}q:*:x");
  CHECK(sources(TopicKind::Pattern, "__keyspace@2__:exactly") == "__keyspace@0__:~2{???}exactly");
  CHECK(translated("__keyspace@0__:~2{abc}q:a:x", "set") == "__keyspace@2__:q:a:x set");
  CHECK(translated("__keyevent@0__:set", "~2{abc}q:a:x") == "__keyevent@2__:set q:a:x");
  CHECK(translated("__keyevent@0__:set", "~2{ab}x") == "nobody's");
}

TEST_CASE_METHOD(Fixture, "what no server would publish has no source") {
  for (const std::string_view name :
       {"news", "__keyspace@16__:x", "__keyspace@01__:x", "__keyspace@4__:x", "__keyspace@__:x",
        "__keyspace@1_:x", "__keyspace@99999999999999999999__:x", "__keyspace@*__:x", "__keyspace"}) {
    INFO(name);
    CHECK(sources(TopicKind::Channel, name).empty());
  }
  CHECK(sources(TopicKind::Shard, "__keyspace@1__:foo").empty());
  CHECK(sources(TopicKind::Pattern, "n*").empty());
}

TEST_CASE_METHOD(Fixture, "a pattern is asked for as precisely as can be") {
  const auto of = [&](std::string_view name) { return sources(TopicKind::Pattern, name); };
  CHECK(of("__keyspace@1__:user*") == "__keyspace@0__:~1{a}user*");
  CHECK(of("__keyspace@3__:*") == "__keyspace@0__:~3:*");
  CHECK(of("__keyspace@0__:*") == "__keyspace@0__:*");
  CHECK(of("__keyevent@1__:*") == "__keyevent@0__:*");
  CHECK(of("__keyevent@*__:expired") == "__keyevent@*__:expired");
  CHECK(of("__keyevent@*") == "__keyevent@*");
  CHECK(of("__keyevent@*1__:del") == "__keyevent@0__:*");
  CHECK(of("__keyspace@*__:user*") == "__keyspace@0__:*");
  CHECK(of("__keyevent@[12]__:del") == "__keyevent@0__:*");
  CHECK(of("__key*@*__:*") == "__keyspace@0__:* __keyevent@0__:*");
  CHECK(of("*") == "__keyspace@0__:* __keyevent@0__:*");
  CHECK(of("*s*") == "__keyspace@0__:* __keyevent@0__:*");
}

TEST_CASE_METHOD(Fixture, "only names that nodes use themselves are wanted of every master") {
  CHECK_FALSE(names.concernsEveryServer(TopicKind::Channel, "__keyspace@1__:foo"));
  CHECK_FALSE(names.concernsEveryServer(TopicKind::Channel, "__keyevent@*__:foo"));
  CHECK_FALSE(names.concernsEveryServer(TopicKind::Pattern, "*"));
  CHECK_FALSE(names.concernsEveryServer(TopicKind::Shard, "__keyspace@0__:foo"));
}

TEST_CASE_METHOD(Fixture, "a notification is called as in the key's database") {
  CHECK(translated("__keyspace@0__:~1{a}foo", "set") == "__keyspace@1__:foo set");
  CHECK(translated("__keyspace@0__:~3:", "set") == "__keyspace@3__: set");
  CHECK(translated("__keyspace@0__:foo", "~1{a}x") == "__keyspace@0__:foo ~1{a}x");
  CHECK(translated("__keyevent@0__:del", "~1{a}foo") == "__keyevent@1__:del foo");
  CHECK(translated("__keyevent@0__:del", "foo") == "__keyevent@0__:del foo");
}

TEST_CASE_METHOD(Fixture, "keys with reserved names that no database has are nobody's") {
  for (const std::string_view key : {"~{a}", "~1{b}foo", "~4:x", "~3{a}x", "~99:x"}) {
    INFO(key);
    CHECK(translated("__keyevent@0__:set", key) == "nobody's");
    CHECK(translated("__keyspace@0__:" + std::string(key), "set") == "nobody's");
  }
}

TEST_CASE("with one database names are the same") {
  slotless::config::Config config;
  config.databases = 1;
  const slotless::databases::Databases databases(config);
  const KeyspaceNames names(databases);
  CHECK(names.same());
  CHECK(names.concernsEveryServer(TopicKind::Pattern, "*"));
  CHECK(names.concernsEveryServer(TopicKind::Channel, "__keyevent@0__:del"));
  CHECK_FALSE(names.concernsEveryServer(TopicKind::Pattern, "news*"));
}

TEST_CASE("a mapped database 0 has its keys, too, and others are nobody's") {
  slotless::config::Config config;
  config.databases = 2;
  config.databaseLayout = {{0, 0, DatabaseLayout::Pinned, "z"}};
  const slotless::databases::Databases databases(config);
  const KeyspaceNames names(databases);
  CHECK(names.sourcesOf(TopicKind::Channel, "__keyspace@0__:x") ==
        std::vector<TopicName>{{TopicKind::Channel, "__keyspace@0__:~0{z}x"}});
  REQUIRE(names.translate("__keyspace@0__:~0{z}x", "set"));
  CHECK(names.translate("__keyspace@0__:~0{z}x", "set")->channel == "__keyspace@0__:x");
  CHECK_FALSE(names.translate("__keyspace@0__:x", "set"));
}

TEST_CASE("a name gets another database's number") {
  const auto next = [](std::uint32_t number) -> std::optional<std::uint32_t> {
    if (number == 9) return std::nullopt;
    return number + 1;
  };
  CHECK(renumbered("__keyspace@0__:x", next) == "__keyspace@1__:x");
  CHECK(renumbered("__keyevent@12__:del", next) == "__keyevent@13__:del");
  CHECK_FALSE(renumbered("__keyspace@9__:x", next));
  for (const auto* name : {"news", "__keyspace@*__:x", "__keyspace@__:x", "__keyspace@0_:x", ""}) {
    CHECK(renumbered(name, next) == name);
  }
}
