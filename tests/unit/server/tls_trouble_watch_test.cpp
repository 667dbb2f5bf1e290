// What is said of failed TLS handshakes: once per burst.
#include "proxy/server/tls_trouble_watch.h"

#include "catch.h"

namespace slotless::server {

using namespace std::chrono_literals;

TEST_CASE("a burst of TLS failures is told of once, and the next one again") {
  const TlsTroubleWatch::TimePoint start(1h);
  TlsTroubleWatch watch;
  CHECK_FALSE(watch.look({}));
  const auto first = watch.look({1, "a:1", "expired", start});
  REQUIRE(first);
  CHECK(first->text == "expired");
  CHECK_FALSE(watch.look({1, "a:1", "expired", start}));
  CHECK_FALSE(watch.look({9, "b:1", "expired", start + 50s}));
  CHECK_FALSE(watch.look({10, "b:1", "expired", start + 100s}));
  SECTION("after some quiet") {
    CHECK(watch.look({11, "b:1", "expired", start + 160s}));
  }
  SECTION("for another reason") {
    CHECK(watch.look({11, "b:1", "wrong name", start + 101s}));
  }
}

TEST_CASE("a TLS failure is spoken of for a while") {
  const TlsTroubleWatch::TimePoint start(1h);
  CHECK_FALSE(TlsTroubleWatch::isFresh({}, start));
  CHECK(TlsTroubleWatch::isFresh({1, "a", "b", start}, start + 9s));
  CHECK_FALSE(TlsTroubleWatch::isFresh({1, "a", "b", start}, start + 10s));
}

}  // namespace slotless::server
