#include "proxy/observe/acl_log.h"

#include "catch.h"

namespace slotless::session {

namespace {

AclEntry refusal(const std::string& object, std::int64_t time = 0) {
  return {0, 1, "command", "toplevel", object, "alice", "id=1", time, time};
}

}  // namespace

TEST_CASE("The ACL log keeps so many entries as it is told, the newest first") {
  AclLog log;
  for (int i = 0; i < 20; ++i) log.add(5, refusal(std::to_string(i)));
  REQUIRE(log.entries().size() == 5);
  CHECK(log.entries().front().object == "19");
  log.add(2, refusal("x"));
  CHECK(log.entries().size() == 2);
  log.add(0, refusal("y"));
  CHECK(log.entries().empty());
}

TEST_CASE("Like attempts count as one for a minute, if one of the latest ten is like it") {
  AclLog log;
  log.add(100, refusal("get"));
  log.add(100, refusal("get", 59'000));
  REQUIRE(log.entries().size() == 1);
  CHECK(log.entries().front().count == 2);
  CHECK(log.entries().front().created == 0);
  log.add(100, refusal("get", 200'000));
  CHECK(log.entries().size() == 2);
  for (int i = 0; i < 10; ++i) log.add(100, refusal(std::to_string(i), 200'000));
  log.add(100, refusal("get", 200'000));
  CHECK(log.entries().size() == 13);
}

TEST_CASE("The ACL log keeps the beginning of what is long") {
  AclLog log;
  log.add(5, "key", "toplevel", std::string(2000, 'k'), std::string(1024, 'u'), "id=1");
  log.add(5, "auth", "toplevel", "AUTH", std::string(1'000'000, 'n'), "id=1");
  REQUIRE(log.entries().size() == 2);
  CHECK(log.entries().back().object == std::string(1024, 'k') + "... (976 more bytes)");
  CHECK(log.entries().back().username == std::string(1024, 'u'));
  CHECK(log.entries().front().username == std::string(1024, 'n') + "... (998976 more bytes)");
}

}  // namespace slotless::session
