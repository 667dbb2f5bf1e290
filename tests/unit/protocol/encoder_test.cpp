#include "protocol/encoder.h"

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "catch.h"
#include "parsed_stream.h"
#include "random_resp.h"

using namespace slotless::protocol;

TEST_CASE("Each kind of reply is written as RESP and appended") {
  std::string out = "before";
  appendSimple(out, "OK");
  appendError(out, "ERR unknown command");
  appendInteger(out, -7);
  appendBulk(out, "va\r\nlue");
  appendBulk(out, "");
  appendNullBulk(out);
  appendNullArray(out);
  appendArrayHeader(out, 0);
  appendArrayHeader(out, 12);
  CHECK(
      out ==
      "before+OK\r\n-ERR unknown command\r\n:-7\r\n$7\r\nva\r\nlue\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n*12\r\n");
}

TEST_CASE("Line breaks in a line become spaces") {
  std::string out = "\r\n";
  appendSimple(out, "a\r\nb");
  appendError(out, "\nERR x\r");
  CHECK(out == "\r\n+a  b\r\n- ERR x \r\n");
}

TEST_CASE("The largest and smallest integers fit") {
  std::string out;
  appendInteger(out, std::numeric_limits<std::int64_t>::min());
  appendInteger(out, std::numeric_limits<std::int64_t>::max());
  appendArrayHeader(out, std::numeric_limits<std::size_t>::max());
  CHECK(out == ":-9223372036854775808\r\n:9223372036854775807\r\n*18446744073709551615\r\n");
}

TEST_CASE("A written request reads SET key value") {
  std::string out;
  const std::array<std::string_view, 3> argv{"SET", "key", "v"};
  appendRequest(out, argv);
  CHECK(out == "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1\r\nv\r\n");
}

TEST_CASE("The parser reads back every request that the encoder wrote") {
  slotless::test::RandomResp random(77);
  for (std::size_t round = 0; round < 500; ++round) {
    const auto command = random.command(12, 50);
    const std::vector<std::string_view> views(command.begin(), command.end());
    std::string out;
    appendRequest(out, views);
    const auto found = slotless::test::parseAtOnce(out);
    REQUIRE(found.requests.size() == 1);
    REQUIRE(found.requests[0].argv == command);
    REQUIRE(found.unused == 0);
  }
}
