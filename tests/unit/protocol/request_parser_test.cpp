#include "protocol/request_parser.h"

#include <string>
#include <vector>

#include "catch.h"
#include "parsed_stream.h"

using slotless::protocol::RequestLimits;
using slotless::protocol::RequestParser;
using slotless::test::parseAtOnce;
using slotless::test::ParsedStream;
using ParseStatus = RequestParser::Status;
using Words = std::vector<std::string>;
using namespace std::string_literals;

namespace {

std::string errorOf(std::string_view bytes, const RequestLimits& limits = {}) {
  const ParsedStream found = parseAtOnce(bytes, limits);
  CHECK(found.broken.empty());
  return found.error;
}

// The arguments of the one request that `bytes` are.
Words wordsOf(std::string_view bytes, const RequestLimits& limits = {}) {
  const ParsedStream found = parseAtOnce(bytes, limits);
  CAPTURE(found);
  REQUIRE(found.broken.empty());
  REQUIRE(found.error.empty());
  REQUIRE(found.unused == 0);
  REQUIRE(found.requests.size() == 1);
  return found.requests[0].argv;
}

RequestLimits unauthenticated() {
  RequestLimits limits;
  limits.authenticated = false;
  return limits;
}

}  // namespace

TEST_CASE("A multibulk request gives views into the client's bytes") {
  const std::string bytes = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\nrest";
  RequestParser parser;
  CHECK(parser.idle());
  REQUIRE(parser.parse(bytes, {}) == ParseStatus::Complete);
  CHECK_FALSE(parser.idle());
  CHECK_FALSE(parser.isInline());
  CHECK(parser.size() == bytes.size() - 4);
  REQUIRE(parser.argv().size() == 3);
  CHECK(parser.argv()[0] == "SET");
  CHECK(parser.argv()[1] == "key");
  CHECK(parser.argv()[2].empty());
  CHECK(parser.argv()[1].data() == bytes.data() + 17);
  parser.next();
  CHECK(parser.idle());
}

TEST_CASE("A request that arrives in parts may move with its buffer") {
  const std::string all = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
  RequestParser parser;
  const std::string first = all.substr(0, 15);
  REQUIRE(parser.parse(first, {}) == ParseStatus::NeedMore);
  CHECK_FALSE(parser.idle());
  REQUIRE(parser.parse(all, {}) == ParseStatus::Complete);
  CHECK(parser.argv()[0].data() == all.data() + 8);
  CHECK(parser.argv()[1] == "key");
}

TEST_CASE("Nothing at all is the beginning of a request") {
  RequestParser parser;
  CHECK(parser.parse("", {}) == ParseStatus::NeedMore);
  CHECK(parser.idle());
  CHECK(parser.bytesNeeded() == 1);
}

TEST_CASE("Arguments are binary-safe") {
  CHECK(wordsOf("*2\r\n$4\r\n\0\r\n\xff\r\n$7\r\n$3\r\n*1\0\r\n"s) == Words{"\0\r\n\xff"s, "$3\r\n*1\0"s});
}

TEST_CASE("Empty requests are skipped without a reply") {
  for (const std::string bytes :
       {"\r\n", "\n", "  \t \r\n", "*0\r\n", "*-1\r\n", "*-2147483648\r\n", "\r\r\n"}) {
    CAPTURE(bytes);
    const ParsedStream found = parseAtOnce(bytes + "PING\r\n");
    REQUIRE(found.requests.size() == 2);
    CHECK(found.requests[0].argv.empty());
    CHECK(found.requests[0].size == bytes.size());
    CHECK(found.requests[1].argv == Words{"PING"});
  }
}

TEST_CASE("Bad counts and lengths get Redis's texts") {
  const std::string multibulk = "ERR Protocol error: invalid multibulk length";
  for (const std::string bytes :
       {"*\r\n", "*x\r\n", "*1x\r\n", "* 1\r\n", "*+1\r\n", "*01\r\n", "*-0\r\n", "*-\r\n", "*2147483648\r\n",
        "*9223372036854775808\r\n", "*99999999999999999999\r\n"}) {
    CAPTURE(bytes);
    CHECK(errorOf(bytes) == multibulk);
  }
  CHECK(errorOf("*1\0\r\n"s) == multibulk);
  for (const std::string length :
       {"", "x", "-1", "+1", "01", " 1", "1 ", "-0", "536870913", "9223372036854775808"}) {
    CAPTURE(length);
    CHECK(errorOf("*1\r\n$" + length + "\r\n") == "ERR Protocol error: invalid bulk length");
    CHECK(errorOf("*2\r\n$3\r\nGET\r\n$" + length + "\r\n") == "ERR Protocol error: invalid bulk length");
  }
}

TEST_CASE("Another byte than the dollar is named") {
  CHECK(errorOf("*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n") == "ERR Protocol error: expected '$', got 'f'");
  CHECK(errorOf("*1\r\nPING\r\n") == "ERR Protocol error: expected '$', got 'P'");
  CHECK(errorOf("*1\r\n*1\r\n") == "ERR Protocol error: expected '$', got '*'");
  CHECK(errorOf("*1\r\n\r\n") == "ERR Protocol error: expected '$', got ' '");
  CHECK(errorOf("*1\r\n\nx\r\n") == "ERR Protocol error: expected '$', got ' '");
}

TEST_CASE("Lines that never end are too big one byte behind the limit") {
  const std::vector<std::pair<std::string, std::string>> beginnings{
      {"", "ERR Protocol error: too big inline request"},
      {"*", "ERR Protocol error: too big mbulk count string"},
      {"*1\r\n", "ERR Protocol error: too big bulk count string"},
      {"*1\r\n$", "ERR Protocol error: too big bulk count string"},
  };
  for (const auto& [beginning, text] : beginnings) {
    CAPTURE(beginning);
    const std::size_t lineStart = beginning.starts_with("*1") ? 4 : 0;
    const std::string most = beginning + std::string(lineStart + 65536 - beginning.size(), '1');
    CHECK(errorOf(most).empty());
    CHECK(errorOf(most + "1") == text);
    CHECK(errorOf(most + "1\r\n") == text);
  }
}

TEST_CASE("An inline request may be as long as the limit") {
  const std::string argument(65531, 'a');
  CHECK(wordsOf("ECHO " + argument + "\n") == Words{"ECHO", argument});
  CHECK(errorOf("ECHO " + argument + "a\n") == "ERR Protocol error: too big inline request");
}

TEST_CASE("The limits for arguments are inclusive") {
  RequestLimits limits;
  limits.maxBulkBytes = 5;
  limits.maxArguments = 2;
  CHECK(wordsOf("*2\r\n$4\r\nECHO\r\n$5\r\nabcde\r\n", limits) == Words{"ECHO", "abcde"});
  CHECK(errorOf("*2\r\n$4\r\nECHO\r\n$6\r\n", limits) == "ERR Protocol error: invalid bulk length");
  CHECK(errorOf("*3\r\n", limits) == "ERR Protocol error: invalid multibulk length");
}

TEST_CASE("Before authentication requests must be small") {
  CHECK(errorOf("*10\r\n$16384\r\n", unauthenticated()).empty());
  CHECK(errorOf("*11\r\n", unauthenticated()) == "ERR Protocol error: unauthenticated multibulk length");
  CHECK(errorOf("*10\r\n$16385\r\n", unauthenticated()) == "ERR Protocol error: unauthenticated bulk length");
  const std::string argument = "$16384\r\n" + std::string(16384, 'x') + "\r\n";
  CHECK(wordsOf("*2\r\n$4\r\nAUTH\r\n" + argument, unauthenticated()).size() == 2);
  CHECK(errorOf("*3\r\n$4\r\nAUTH\r\n" + argument + argument, unauthenticated()) ==
        "ERR Protocol error: unauthenticated request too large");
  CHECK(errorOf(std::string(20'481, 'x'), unauthenticated()) ==
        "ERR Protocol error: unauthenticated request too large");
  CHECK(errorOf(std::string(20'480, 'x'), unauthenticated()).empty());
  CHECK(errorOf("*2147483648\r\n", unauthenticated()) == "ERR Protocol error: invalid multibulk length");
  CHECK(errorOf("*1\r\n$536870913\r\n", unauthenticated()) == "ERR Protocol error: invalid bulk length");
}

TEST_CASE("A whole request may be as large as its limit") {
  const std::string multibulk = "*2\r\n$4\r\nECHO\r\n$5\r\nabcde\r\n";
  const std::string inlined = "ECHO abcde\r\n";
  for (const std::string& bytes : {multibulk, inlined}) {
    RequestLimits limits;
    limits.maxRequestBytes = bytes.size();
    CHECK(wordsOf(bytes, limits) == Words{"ECHO", "abcde"});
    for (std::size_t most = 0; most < bytes.size(); ++most) {
      limits.maxRequestBytes = most;
      CHECK(errorOf(bytes, limits) == "ERR Protocol error: request exceeds client-query-buffer-limit");
    }
  }
}

TEST_CASE("A length that breaks the request's limit is refused before its bytes come") {
  RequestLimits limits;
  limits.maxRequestBytes = 1000;
  CHECK(errorOf("*1\r\n$1000\r\n", limits) ==
        "ERR Protocol error: request exceeds client-query-buffer-limit");
}

TEST_CASE("The parser says how many bytes a large argument needs") {
  RequestParser parser;
  const std::string bytes = "*2\r\n$3\r\nGET\r\n$100000\r\nabc";
  REQUIRE(parser.parse(bytes, {}) == ParseStatus::NeedMore);
  CHECK(parser.bytesNeeded() == bytes.size() - 3 + 100000 + 2);
  RequestParser other;
  REQUIRE(other.parse("*2147483647\r\n", {}) == ParseStatus::NeedMore);
  CHECK(other.bytesNeeded() == 14);
}

TEST_CASE("What stands in the place of CRLF is not looked at, as in Redis, but is not passed on either") {
  for (const std::string bytes : {"*1\rX$4\r\nPING\r\n", "*1\r\n$4\rXPING\r\n", "*1\r\n$4\r\nPINGXY"}) {
    CAPTURE(bytes);
    const ParsedStream found = parseAtOnce(bytes + "*1\r\n$4\r\nPING\r\n");
    REQUIRE(found.requests.size() == 2);
    CHECK(found.requests[0].argv == Words{"PING"});
    CHECK(found.requests[0].isInline);
    CHECK_FALSE(found.requests[1].isInline);
  }
}

TEST_CASE("Inline requests are split at spaces") {
  CHECK(wordsOf("PING\r\n") == Words{"PING"});
  CHECK(wordsOf("PING\n") == Words{"PING"});
  CHECK(wordsOf("  set\tkey   value \r\n") == Words{"set", "key", "value"});
  CHECK(wordsOf("$5\r\n") == Words{"$5"});
  CHECK(wordsOf("a\vb \v\fc\r\n") == Words{"a\vb", "c"});
  CHECK(wordsOf("a\rb\r\n") == Words{"a", "b"});
  CHECK(wordsOf("a\\nb \\x41\r\n") == Words{"a\\nb", "\\x41"});
  CHECK(wordsOf("a\0b\n"s) == Words{"a\0b"s});
  CHECK(parseAtOnce("PING\r\n").requests.at(0).isInline);
}

TEST_CASE("Double quotes hold escapes, single quotes only their own") {
  CHECK(wordsOf(R"(set "a b" 'c d')"
                "\r\n") == Words{"set", "a b", "c d"});
  CHECK(wordsOf(R"("\x41\x0a\xFf\n\r\t\b\a\\\"\q\x4g\x")"
                "\n") == Words{"A\n\xff\n\r\t\b\a\\\"qx4gx"});
  CHECK(wordsOf(R"('\n\x41\'"\\ ')"
                "\n") == Words{R"(\n\x41'"\\ )"});
  CHECK(wordsOf("\"\" ''\r\n") == Words{"", ""});
  CHECK(wordsOf("pre\"fix ed\" next\r\n") == Words{"prefix ed", "next"});
  CHECK(wordsOf("\"a\"\t'b'\v\"c\"\n") == Words{"a", "b", "c"});
  CHECK(wordsOf("\"it's\" 'say \"x\"'\n") == Words{"it's", "say \"x\""});
}

TEST_CASE("Unbalanced quotes are an error") {
  for (const char* bytes : {"\"\n", "'\n", "set \"a\n", "set 'a\r\n", "\"a\"b\n", "'a'b\n", "'a''b'\n",
                            "a\"b\"c\n", "\"a\\\"\n", "'a\\'\n", "\"a\\\n", "\"\\x4\n"}) {
    CAPTURE(bytes);
    CHECK(errorOf(bytes) == "ERR Protocol error: unbalanced quotes in request");
  }
}

TEST_CASE("Many quoted arguments keep their own bytes") {
  std::string line = "RPUSH";
  Words expected{"RPUSH"};
  for (std::size_t i = 0; i < 200; ++i) {
    line += " \"v\\x20" + std::to_string(i) + "\"";
    expected.push_back("v " + std::to_string(i));
  }
  CHECK(wordsOf(line + "\n") == expected);
}

TEST_CASE("A parser is as good as new after a large request") {
  RequestParser parser;
  std::string large = "*5000\r\n";
  for (int i = 0; i < 5000; ++i) large += "$1\r\nx\r\n";
  REQUIRE(parser.parse(std::string_view(large).substr(0, 20000), {}) == ParseStatus::NeedMore);
  REQUIRE(parser.parse(large, {}) == ParseStatus::Complete);
  CHECK(parser.argv().size() == 5000);
  parser.next();
  CHECK(parser.argv().empty());
  REQUIRE(parser.parse("*1\r\n$4\r\nPING\r\n", {}) == ParseStatus::Complete);
  CHECK(parser.argv().size() == 1);
  CHECK(parser.argv()[0] == "PING");
}

TEST_CASE("The memory for the arguments of small requests is kept from one to the next") {
  RequestParser parser;
  const std::string bytes = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n";
  REQUIRE(parser.parse(bytes, {}) == ParseStatus::Complete);
  const void* const first = parser.argv().data();
  for (int round = 0; round < 3; ++round) {
    parser.next();
    REQUIRE(parser.parse(bytes, {}) == ParseStatus::Complete);
    CHECK(parser.argv().data() == first);
  }
}

TEST_CASE("The arguments of a huge request are laid out in pieces, and anew when the bytes have moved") {
  constexpr std::size_t kArguments = 200'000;
  std::string bytes = "*" + std::to_string(kArguments) + "\r\n";
  for (std::size_t i = 0; i < kArguments; ++i) bytes += "$1\r\na\r\n";
  RequestParser parser;
  // Not whole at first: then it is not taken in one pass.
  REQUIRE(parser.parse(std::string_view(bytes).substr(0, bytes.size() - 1), {}) == ParseStatus::NeedMore);
  std::size_t pieces = 0;
  const std::string moved = bytes;
  REQUIRE(parser.parse(bytes, {}) == ParseStatus::Unfinished);
  while (parser.parse(moved, {}) == ParseStatus::Unfinished) ++pieces;
  CHECK(pieces >= 2);
  REQUIRE(parser.argv().size() == kArguments);
  CHECK(parser.argv()[0].data() == moved.data() + moved.find("a"));
  CHECK(parser.argv().back().data() == moved.data() + moved.size() - 3);
  CHECK(parser.size() == moved.size());
  parser.next();
  CHECK(parser.idle());
}

TEST_CASE("A request that is kept is not parsed again, unless its bytes have moved") {
  const std::string bytes = "*2\r\n$4\r\nECHO\r\n$1\r\na\r\n";
  RequestParser parser;
  REQUIRE(parser.parse(bytes, {}) == ParseStatus::Complete);
  parser.keep(bytes);
  const std::string_view* const before = parser.argv().data();
  REQUIRE(parser.parse(bytes, {}) == ParseStatus::Complete);
  CHECK(parser.argv().data() == before);
  CHECK(parser.size() == bytes.size());
  parser.keep(bytes);
  const std::string moved = bytes;
  REQUIRE(parser.parse(moved, {}) == ParseStatus::Complete);
  CHECK(parser.argv()[1].data() == moved.data() + moved.size() - 3);
  parser.next();
  CHECK(parser.idle());
}
