// What is remembered of requests that broke connections, and for how long.
#include "proxy/dispatch/suspects.h"

#include <string>

#include "catch.h"

namespace slotless::session {
namespace {

constexpr net::TimePoint kNow{std::chrono::hours(1)};
const net::Address kNode{"10.0.0.1", 7000};
const net::Address kOther{"10.0.0.2", 7000};
constexpr std::size_t kMiB = 1024U * 1024;

}  // namespace

TEST_CASE("a suspect is known by its slot, its beginning and its length, for ten minutes") {
  Suspects suspects;
  CHECK_FALSE(suspects.any());
  suspects.add(7, Suspects::hashOf("GET a", 5), kNow);
  CHECK(suspects.any());
  CHECK(suspects.has(7, Suspects::hashOf("GET a", 5)));
  CHECK_FALSE(suspects.has(8, Suspects::hashOf("GET a", 5)));
  CHECK_FALSE(suspects.has(7, Suspects::hashOf("GET b", 5)));
  CHECK_FALSE(suspects.has(7, Suspects::hashOf("GET a", 6)));
  suspects.expire(kNow + std::chrono::minutes(9));
  CHECK(suspects.has(7, Suspects::hashOf("GET a", 5)));
  suspects.add(7, Suspects::hashOf("GET a", 5), kNow + std::chrono::minutes(9));
  suspects.expire(kNow + std::chrono::minutes(18));
  CHECK(suspects.has(7, Suspects::hashOf("GET a", 5)));
  suspects.expire(kNow + std::chrono::minutes(19));
  CHECK_FALSE(suspects.any());
  CHECK_FALSE(suspects.has(7, Suspects::hashOf("GET a", 5)));
}

TEST_CASE("what has been answered is no suspect any more") {
  Suspects suspects;
  const std::uint64_t hash = Suspects::hashOf("GET a", 5);
  suspects.add(7, hash, kNow);
  suspects.clear(7, hash + 2);
  CHECK(suspects.has(7, hash));
  suspects.clear(7, hash);
  CHECK_FALSE(suspects.any());
  CHECK_FALSE(suspects.anyOf(7));
}

TEST_CASE("a suspect without a slot is one of those without a slot") {
  Suspects suspects;
  suspects.add(protocol::kNoSlot, Suspects::hashOf("KEYS *", 6), kNow);
  CHECK(suspects.has(protocol::kNoSlot, Suspects::hashOf("KEYS *", 6)));
  CHECK_FALSE(suspects.has(0, Suspects::hashOf("KEYS *", 6)));
}

TEST_CASE("the oldest suspects are forgotten when there are too many") {
  Suspects suspects;
  for (int i = 0; i < 1000; ++i) suspects.add(7, Suspects::hashOf("GET " + std::to_string(i), 8), kNow);
  CHECK(suspects.has(7, Suspects::hashOf("GET 999", 8)));
  CHECK(suspects.has(7, Suspects::hashOf("GET 800", 8)));
  CHECK_FALSE(suspects.has(7, Suspects::hashOf("GET 0", 8)));
}

TEST_CASE("a node's limit is learned from what it has refused, and is no less than any node's") {
  Suspects suspects;
  CHECK_FALSE(suspects.tooLarge(kNode, 100 * kMiB));
  suspects.addTooLarge(kNode, 8 * kMiB, kNow);
  CHECK(suspects.any());
  CHECK(suspects.tooLarge(kNode, 4 * kMiB));
  CHECK_FALSE(suspects.tooLarge(kNode, 4 * kMiB - 1));
  CHECK_FALSE(suspects.tooLarge(kOther, 8 * kMiB));
  suspects.addTooLarge(kNode, 20 * kMiB, kNow);
  CHECK_FALSE(suspects.tooLarge(kNode, 4 * kMiB - 1));
  suspects.addTooLarge(kNode, kMiB + 100, kNow);
  CHECK(suspects.tooLarge(kNode, kMiB));
  CHECK_FALSE(suspects.tooLarge(kNode, kMiB - 1));
  // A server of another kind.
  suspects.addTooLarge(kNode, 100'000, kNow);
  CHECK(suspects.tooLarge(kNode, 100'000));
  suspects.addTooLarge(kNode, 1000, kNow);
  CHECK_FALSE(suspects.tooLarge(kNode, 1000));
  suspects.expire(kNow + std::chrono::minutes(10));
  CHECK_FALSE(suspects.any());
}

}  // namespace slotless::session
