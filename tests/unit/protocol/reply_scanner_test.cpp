#include "protocol/reply_scanner.h"

#include <string>
#include <vector>

#include "catch.h"
#include "random_resp.h"
#include "scanned_stream.h"

using slotless::protocol::ReplyScanner;
using slotless::test::decodeByReference;
using slotless::test::scanByteByByte;
using slotless::test::ScannedStream;
using slotless::test::scanSplitAt;
using ScanStatus = ReplyScanner::Status;
using namespace std::string_literals;

namespace {

// At every split point, and for every prefix, the scanner must find what the reference decoder finds.
void checkAgainstReference(const std::string& stream) {
  CAPTURE(stream);
  const ScannedStream expected = decodeByReference(stream);
  REQUIRE(scanByteByByte(stream) == expected);
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    CAPTURE(at);
    REQUIRE(scanSplitAt(stream, at) == expected);
    const std::string prefix = stream.substr(0, at);
    REQUIRE(scanSplitAt(prefix, at / 2) == decodeByReference(prefix));
  }
}

ReplyScanner::Result scanOnce(std::string_view bytes) {
  ReplyScanner scanner;
  return scanner.scan(bytes);
}

const std::vector<std::string>& wholeReplies() {
  static const std::vector<std::string> kReplies{
      "+OK\r\n",
      "+\r\n",
      "+QUEUED\r\n",
      "+a\rb\nc\r\r\n",
      "-ERR unknown command\r\n",
      "-MOVED 3999 127.0.0.1:6381\r\n",
      ":0\r\n",
      ":1\r\n",
      ":-2\r\n",
      ":9223372036854775807\r\n",
      ":-9223372036854775808\r\n",
      "$-1\r\n",
      "$0\r\n\r\n",
      "$5\r\nhello\r\n",
      "$12\r\na\r\n$3\r\nbcd\0\xff\r\n"s,
      "*-1\r\n",
      "*0\r\n",
      "*1\r\n*0\r\n",
      "*3\r\n$3\r\nfoo\r\n$-1\r\n:3\r\n",
      "*2\r\n*2\r\n+a\r\n-b\r\n*2\r\n*-1\r\n*1\r\n$1\r\nx\r\n",
      "_\r\n",
      "#t\r\n",
      "#f\r\n",
      ",3.25\r\n",
      ",-inf\r\n",
      "(3492890328409238509324850943850943825024385\r\n",
      "!21\r\nSYNTAX invalid syntax\r\n",
      "=15\r\ntxt:Some string\r\n",
      "%0\r\n",
      "%2\r\n+first\r\n:1\r\n+second\r\n*2\r\n:1\r\n#t\r\n",
      "~3\r\n+a\r\n:2\r\n_\r\n",
      ">3\r\n+message\r\n+channel\r\n$2\r\nhi\r\n",
      "|1\r\n+key-popularity\r\n%2\r\n$1\r\na\r\n,0.1923\r\n$1\r\nb\r\n,0.0012\r\n*2\r\n:2039123\r\n:"
      "9543892\r\n",
      "*3\r\n:1\r\n:2\r\n|1\r\n+ttl\r\n:3600\r\n:3\r\n",
      "|0\r\n+OK\r\n",
      "|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n+d\r\n>1\r\n+x\r\n",
  };
  return kReplies;
}

}  // namespace

TEST_CASE("Each whole reply ends where it ends, wherever it is cut") {
  for (const std::string& reply : wholeReplies()) {
    CAPTURE(reply);
    const ScannedStream found = scanByteByByte(reply);
    REQUIRE(found.replies.size() == 1);
    CHECK(found.replies[0].end == reply.size());
    CHECK(found.idle);
    checkAgainstReference(reply);
  }
}

TEST_CASE("Replies behind one another are told apart wherever they are cut") {
  std::string stream;
  for (const std::string& reply : wholeReplies()) stream += reply;
  const ScannedStream found = scanSplitAt(stream, 0);
  CHECK(found.replies.size() == wholeReplies().size());
  checkAgainstReference(stream);
}

TEST_CASE("A reply takes none of the bytes behind it") {
  for (const std::string& reply : wholeReplies()) {
    CAPTURE(reply);
    const auto result = scanOnce(reply + "+NEXT\r\n");
    CHECK(result.status == ScanStatus::Complete);
    CHECK(result.consumed == reply.size());
  }
}

TEST_CASE("The type is that of the reply itself") {
  ReplyScanner scanner;
  CHECK(scanner.type() == 0);
  CHECK(scanner.idle());
  REQUIRE(scanner.scan("|1\r\n+a\r\n*1\r\n-b\r\n").status == ScanStatus::NeedMore);
  CHECK(scanner.type() == 0);
  CHECK_FALSE(scanner.idle());
  REQUIRE(scanner.scan(">").status == ScanStatus::NeedMore);
  CHECK(scanner.type() == '>');
  CHECK(scanner.isPush());
  REQUIRE(scanner.scan("1\r\n-ERR\r\n").status == ScanStatus::Complete);
  CHECK(scanner.isPush());
  CHECK_FALSE(scanner.isError());
  scanner.reset();
  CHECK(scanner.idle());
  CHECK(scanner.type() == 0);
  REQUIRE(scanner.scan("-ERR\r\n").status == ScanStatus::Complete);
  CHECK(scanner.isError());
  scanner.reset();
  REQUIRE(scanner.scan("!3\r\nERR\r\n").status == ScanStatus::Complete);
  CHECK(scanner.isError());
}

TEST_CASE("Nothing more is taken before reset") {
  ReplyScanner scanner;
  REQUIRE(scanner.scan("+OK\r\n").status == ScanStatus::Complete);
  const auto again = scanner.scan("+OK\r\n");
  CHECK(again.status == ScanStatus::Complete);
  CHECK(again.consumed == 0);
}

TEST_CASE("What is no RESP is an error, and stays one") {
  const std::vector<std::string> streams{
      "x",       "\r\n",    "OK\r\n",     "\0"s,        ":\r\n",   ":a\r\n",  ":+1\r\n",  ":1x\r\n",
      ":01\r\n", ":-0\r\n", ":-\r\n",     ":1\rx",      ":1\n",    ": 1\r\n", ":--1\r\n", "$\r\n",
      "$-2\r\n", "$01\r\n", "$1\r\nab\r", "$1\r\na\rx", "$0\r\nx", "$a\r\n",  "$?\r\n",   "*?\r\n",
      "%?\r\n",  ";4\r\n",  ".\r\n",      "*-2\r\n",    "*1\rx",   "*01\r\n", "*1\r\nx",  "%-1\r\n",
      "~-1\r\n", ">-1\r\n", "|-1\r\n",    "!-1\r\n",    "=-1\r\n", "=3\r\n",  "_x\r\n",   "_\rx",
      "#\r\n",   "#x\r\n",  "#tt\r\n",    "|1\r\nx",    "~?\r\n",
  };
  for (const std::string& stream : streams) {
    CAPTURE(stream);
    CHECK(scanOnce(stream).status == ScanStatus::Error);
    checkAgainstReference(stream + "+OK\r\n");
    ReplyScanner scanner;
    REQUIRE(scanner.scan(stream).status == ScanStatus::Error);
    CHECK(scanner.scan("+OK\r\n").status == ScanStatus::Error);
  }
}

TEST_CASE("Counters that would overflow are errors") {
  const std::vector<std::string> streams{
      ":9223372036854775808\r\n",
      ":-9223372036854775809\r\n",
      "$9223372036854775808\r\n",
      "$99999999999999999999\r\n",
      "*9223372036854775808\r\n",
      "*9223372036854775807\r\n",
      "*9223372036854775806\r\n*2\r\n",
      "%4611686018427387904\r\n",
      "|4611686018427387904\r\n",
      "%4611686018427387903\r\n*9223372036854775807\r\n",
      "*4611686018427387904\r\n*4611686018427387904\r\n",
  };
  for (const std::string& stream : streams) {
    CAPTURE(stream);
    CHECK(scanOnce(stream).status == ScanStatus::Error);
    checkAgainstReference(stream);
  }
}

TEST_CASE("The largest counts and lengths that can be counted are taken") {
  for (const std::string stream :
       {"*9223372036854775806\r\n", "%4611686018427387903\r\n", "$9223372036854775807\r\n",
        "*4611686018427387903\r\n*4611686018427387903\r\n"}) {
    CAPTURE(stream);
    CHECK(scanOnce(stream).status == ScanStatus::NeedMore);
    checkAgainstReference(stream + ":1\r\n");
  }
}

TEST_CASE("Nesting costs no memory and has no limit") {
  std::string stream;
  for (int depth = 0; depth < 100000; ++depth) stream += "*1\r\n";
  stream += ":1\r\n";
  const auto result = scanOnce(stream);
  CHECK(result.status == ScanStatus::Complete);
  CHECK(result.consumed == stream.size());
}

TEST_CASE("A large value is followed through chunks of any size") {
  const std::string stream = "$1000000\r\n" + std::string(1000000, '\r') + "\r\n+OK\r\n";
  for (const std::size_t chunk : {std::size_t{1000}, std::size_t{65536}, std::size_t{999999}}) {
    slotless::test::StreamScanner scanner;
    for (std::size_t at = 0; at < stream.size(); at += chunk)
      scanner.feed(std::string_view(stream).substr(at, chunk));
    CHECK(scanner.found() == decodeByReference(stream));
  }
}

TEST_CASE("Random RESP3 replies end where the reference decoder says, wherever they are cut") {
  slotless::test::RandomResp random(3001);
  for (std::size_t round = 0; round < 400; ++round) {
    std::string stream;
    for (std::size_t n = 1 + random.below(3); n > 0; --n) stream += random.resp3Reply(3);
    if (stream.size() > 800) continue;
    REQUIRE_FALSE(decodeByReference(stream).failed);
    checkAgainstReference(stream);
  }
}

TEST_CASE("Mutated replies are judged as by the reference decoder, wherever they are cut") {
  slotless::test::RandomResp random(3002);
  for (std::size_t round = 0; round < 1500; ++round) {
    const std::string stream = random.mutated(random.resp3Reply(2) + random.resp2Reply(1));
    if (stream.size() <= 300) checkAgainstReference(stream);
  }
}
