#include <string>
#include <vector>

#include "catch.h"
#include "parsed_stream.h"
#include "protocol/encoder.h"
#include "random_resp.h"

using slotless::protocol::RequestLimits;
using slotless::test::parseAtOnce;
using slotless::test::parseByteByByte;
using slotless::test::ParsedStream;
using slotless::test::parseSplitAt;
using namespace std::string_literals;

namespace {

void checkEverySplit(const std::string& stream, const RequestLimits& limits = {}) {
  CAPTURE(stream);
  const ParsedStream expected = parseAtOnce(stream, limits);
  REQUIRE(expected.broken.empty());
  REQUIRE(parseByteByByte(stream, limits) == expected);
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    CAPTURE(at);
    REQUIRE(parseSplitAt(stream, at, limits) == expected);
  }
}

}  // namespace

TEST_CASE("A request gives the same result wherever it is cut") {
  const std::vector<std::string> streams{
      "*1\r\n$4\r\nPING\r\n",
      "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n",
      "*3\r\n$3\r\nSET\r\n$7\r\nke\r\ny\0\xff\r\n$0\r\n\r\n"s,
      "*2\r\n$4\r\nECHO\r\n$26\r\nabcdefghijklmnopqrstuvwxyz\r\n*1\r\n$4\r\nPING\r\nGET "
      "k\n*0\r\n\r\n*-1\r\n*1\r\n$4\r\nQUIT",
      "PING\r\nset a \"b \\x41\\n\" 'c'\r\n\n\r\nget a\n",
      "*1\rX$4\r!PINGab*1\r\n$4\r\nPING\r\n",
      "\"unbalanced\n",
      "*x\r\nPING\r\n",
      "*1\r\n$x\r\nPING\r\n",
      "*2\r\n$4\r\nPING\r\nGET\r\n",
      "*3000000000\r\n",
      "*1\r\n$600000000\r\n",
      "*2\r\n$2147483648000\r\n",
  };
  for (const std::string& stream : streams) checkEverySplit(stream);
}

TEST_CASE("Limits give the same result wherever a request is cut") {
  const std::vector<std::string> streams{
      "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n*1\r\n$4\r\nPING\r\n",
      "set key value\r\nPING\r\n",
      "*" + std::string(30, '1') + "\r\n",
      "*1\r\n$" + std::string(30, '1') + "\r\n",
      "*11\r\n$4\r\nPING\r\n",
      std::string(40, 'x'),
  };
  for (const std::string& stream : streams) {
    for (std::size_t most = 0; most < 45; ++most) {
      RequestLimits limits;
      limits.maxInlineBytes = 20;
      limits.maxRequestBytes = most;
      checkEverySplit(stream, limits);
      limits.authenticated = false;
      limits.maxInlineBytes = most;
      limits.maxRequestBytes = 30;
      checkEverySplit(stream, limits);
      limits.maxBulkBytes = most / 4;
      checkEverySplit(stream, limits);
    }
  }
}

TEST_CASE("Random pipelines give the arguments that were written, wherever they are cut") {
  slotless::test::RandomResp random(20240607);
  for (std::size_t round = 0; round < 100; ++round) {
    std::string stream;
    std::vector<std::vector<std::string>> commands;
    for (std::size_t n = 1 + random.below(4); n > 0; --n) {
      commands.push_back(random.command(5, 24));
      const std::vector<std::string_view> views(commands.back().begin(), commands.back().end());
      slotless::protocol::appendRequest(stream, views);
    }
    const ParsedStream found = parseAtOnce(stream);
    REQUIRE(found.requests.size() == commands.size());
    for (std::size_t i = 0; i < commands.size(); ++i) REQUIRE(found.requests[i].argv == commands[i]);
    checkEverySplit(stream);
  }
}
