// The pure parts of a migration: queues, places, digests, limits.
#include <string>

#include "catch.h"
#include "config/database_rule.h"
#include "proxy/migrate/journal.h"
#include "proxy/migrate/key_queue.h"
#include "proxy/migrate/known_databases.h"
#include "proxy/migrate/places.h"
#include "proxy/migrate/throttle.h"
#include "proxy/migrate/value_digest.h"

using namespace slotless;
using namespace slotless::migrate;

TEST_CASE("a key of the source and its name on the target lead to each other in every layout") {
  config::Config config;
  for (const char* rule : {"1=pinned", "2=grouped:bull:*:", "3=spread", "4=native", "5=denied"})
    config.databaseLayout.push_back(*config::parseDatabaseRule(rule).value);
  const Places places(config);
  for (const std::uint32_t database : {0U, 1U, 2U, 3U, 4U}) {
    const Key key{database, "bull:mail:1"};
    const auto place = places.of(key);
    REQUIRE(place);
    CHECK(place->slot == protocol::slotOf(place->name));
    CHECK(place->nodeDatabase == (database == 4 ? 4U : 0U));
    CHECK(places.keyOf(place->name, place->nodeDatabase) == key);
  }
  CHECK_FALSE(places.of({0, "~1:key"}));
  CHECK(places.of({1, "~1:key"}));
  CHECK_FALSE(places.keyOf("~{slotless-migrate}:state", 0));
  CHECK(places.nodeDatabases() == std::vector<std::uint32_t>{0, 4});
  CHECK_FALSE(places.objectionTo(5).empty());
  CHECK_FALSE(places.objectionTo(16).empty());
  CHECK(places.objectionTo(15).empty());
}

TEST_CASE("with one database no name is reserved but the proxy's own") {
  config::Config config;
  config.databases = 1;
  const Places places(config);
  REQUIRE(places.of({0, "~1:key"}));
  CHECK(places.keyOf("~1:key", 0) == Key{0, "~1:key"});
  CHECK_FALSE(places.of({0, "~{scan:1}"}));
  CHECK_FALSE(places.keyOf("~{scan:1}", 0));
}

TEST_CASE("one server names keys as applications do") {
  const migrate::ServerNames names;
  CHECK(names.of({7, "~1:key"})->name == "~1:key");
  CHECK(names.of({7, "~1:key"})->nodeDatabase == 7);
  CHECK(names.keyOf("a", 3) == Key{3, "a"});
}

TEST_CASE("of a node's databases only native ones have keys") {
  config::Config config;
  const Places places(config);
  CHECK_FALSE(places.keyOf("a", 1));
  config.databaseLayout.push_back(*config::parseDatabaseRule("1=native").value);
  CHECK(Places(config).keyOf("a", 1) == Key{1, "a"});
  CHECK_FALSE(Places(config).keyOf("a", 2));
}

TEST_CASE("a name that changes often is there once, until it is taken") {
  KeyQueue queue;
  for (int i = 0; i < 3; ++i) CHECK(queue.addChanged({1, "a"}));
  CHECK(queue.addChanged({1, "b"}));
  const auto since = queue.oldestChange();
  REQUIRE(since);
  CHECK(queue.take(1).changed == std::vector<Key>{{1, "a"}});
  CHECK(queue.addChanged({1, "a"}));
  CHECK(queue.addChanged({2, "a"}));     // another key
  CHECK(queue.oldestChange() == since);  // it is being dealt with
  queue.done();
  CHECK(queue.take(10).changed == std::vector<Key>{{1, "b"}, {1, "a"}, {2, "a"}});
  queue.done();
  CHECK_FALSE(queue.oldestChange());
}

TEST_CASE("what a walk has found is not done before it has been dealt with") {
  KeyQueue queue;
  CHECK(queue.walked());
  queue.addFound({1, "k"});
  CHECK_FALSE(queue.walked());
  CHECK(queue.take(10).found.size() == 1);
  CHECK_FALSE(queue.walked());
  queue.done();
  CHECK(queue.walked());
  queue.close();
  queue.addFound({1, "k"});
  CHECK(queue.walked());
}

TEST_CASE("a digest does not depend on the order where there is none, and counts twins once") {
  ValueDigest a;
  a.add({"f", "1"});
  a.add({"g", "2"});
  ValueDigest b;
  b.add({"g", "2"});
  b.add({"f", "1"});
  b.add({"g", "2"});
  CHECK(a.number() == b.number());
  ValueDigest c;
  c.add({"f1", ""});
  c.add({"g", "2"});
  CHECK(a.number() != c.number());
  ValueDigest first;
  first.addNext({"x"});
  first.addNext({"y"});
  ValueDigest second;
  second.addNext({"y"});
  second.addNext({"x"});
  CHECK(first.number() != second.number());
}

TEST_CASE("a source that answers slowly is asked less, and more again when it is quick") {
  using namespace std::chrono_literals;
  Throttle throttle(10ms);
  for (int i = 0; i < 100; ++i) throttle.measured(1ms);
  CHECK(throttle.share() == Throttle::kMost);
  CHECK(throttle.pause() == 0ms);
  throttle.measured(11ms);
  CHECK(throttle.share() == Throttle::kMost / 2);
  CHECK(throttle.pause() == 10ms);
  for (int i = 0; i < 100; ++i) throttle.measured(50ms);
  CHECK(throttle.share() == Throttle::kLeast);
  Throttle free(0ms);
  free.measured(10s);
  CHECK(free.pause() == 0ms);
}

TEST_CASE("databases that had keys are remembered when they are empty") {
  KnownDatabases known;
  CHECK(known.take(databasesIn("# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\ndb7:keys=1\r\n")).size() ==
        2);
  CHECK(known.take(databasesIn("db0:keys=4\r\n")).empty());
  const auto sizes = known.sizes();
  CHECK(sizes.at(0) == 4);
  CHECK(sizes.at(7) == 0);
}

TEST_CASE("only a process of this machine is known to be dead") {
  CHECK_FALSE(isDead("other.host:1:2"));
  CHECK_FALSE(isDead(""));
  CHECK_FALSE(isDead("x"));
}
