#include "proxy/pubsub/keyspace.h"

#include "catch.h"

using namespace slotless::pubsub;

TEST_CASE("patterns that can match keyspace notifications are told from others") {
  for (const std::string_view pattern :
       {"*", "__key*", "__keyspace@0__:*", "__keyevent@*__:expired", "?_key*", "__[a-k]eyspace@0__:a", "_*x",
        "**", "\\_\\_keyspace@*", "__key????????_:a"}) {
    INFO(pattern);
    CHECK(canMatchKeyspace(pattern));
  }
  for (const std::string_view pattern :
       {"", "a*", "__kex*", "__keyspace", "_", "__KEYSPACE@*", "__[l-z]eyspace@*", "__keyspac@*", "?"}) {
    INFO(pattern);
    CHECK_FALSE(canMatchKeyspace(pattern));
  }
}

TEST_CASE("channels of keyspace notifications are told from others") {
  CHECK(isKeyspaceChannel("__keyspace@0__:a"));
  CHECK(isKeyspaceChannel("__keyevent@0__:del"));
  CHECK_FALSE(isKeyspaceChannel("__keyspace"));
  CHECK_FALSE(isKeyspaceChannel("a__keyspace@0__:a"));
}
