// Replies taken apart, in both protocols.
#include "proxy/routing/reply_parts.h"

#include "catch.h"
#include "exact_buffer.h"

namespace slotless::routing {
namespace {

TEST_CASE("texts are taken out of every frame", "[reply_parts]") {
  CHECK(textOf("+OK\r\n") == "OK");
  CHECK(textOf("$3\r\na\r\n\r\n") == "a\r\n");
  CHECK(textOf("=7\r\ntxt:abc\r\n") == "abc");
  CHECK(textOf("$0\r\n\r\n") == "");
  for (const auto* wrong :
       {"", ":1\r\n", "$-1\r\n", "_\r\n", "*0\r\n", "=2\r\nab\r\n", "$9\r\nabc\r\n", "+OK"}) {
    CHECK_FALSE(textOf(test::ExactBuffer(wrong).view()));
  }
}

TEST_CASE("doubles are read from both protocols", "[reply_parts]") {
  CHECK(doubleOf(",1.5\r\n") == 1.5);
  CHECK(doubleOf("$4\r\n2.25\r\n") == 2.25);
  CHECK_FALSE(doubleOf("$1\r\nx\r\n"));
  CHECK_FALSE(doubleOf(":1\r\n"));
}

TEST_CASE("pairs come from maps and from arrays", "[reply_parts]") {
  for (const auto* reply : {"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", "*4\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n"}) {
    const auto pairs = pairsOf(reply);
    REQUIRE(pairs);
    REQUIRE(pairs->size() == 2);
    CHECK((*pairs)[1].first == "+b\r\n");
    CHECK((*pairs)[1].second == "*1\r\n:2\r\n");
  }
  CHECK_FALSE(pairsOf("*3\r\n:1\r\n:2\r\n:3\r\n"));
  CHECK_FALSE(pairsOf("*-1\r\n"));
  CHECK_FALSE(elementsOf(test::ExactBuffer("*2\r\n:1\r\n").view()));
  CHECK(elementsOf(">2\r\n+a\r\n:1\r\n") == elementsOf("*2\r\n+a\r\n:1\r\n"));
}

TEST_CASE("what is written has the shape of its model", "[reply_parts]") {
  std::string out;
  appendPairsHeaderLike(out, "%1\r\n", 3);
  appendPairsHeaderLike(out, "*2\r\n", 3);
  appendListHeaderLike(out, "~1\r\n", 2);
  appendListHeaderLike(out, "*1\r\n", 2);
  CHECK(out == "%3\r\n*6\r\n~2\r\n*2\r\n");
  out.clear();
  appendTextLike(out, "=5\r\ntxt:a\r\n", "bc");
  appendTextLike(out, "$1\r\na\r\n", "bc");
  appendDoubleLike(out, ",1\r\n", 0.5);
  appendDoubleLike(out, "$1\r\n1\r\n", 0.5);
  CHECK(out == "=6\r\ntxt:bc\r\n$2\r\nbc\r\n,0.5\r\n$3\r\n0.5\r\n");
}

}  // namespace
}  // namespace slotless::routing
