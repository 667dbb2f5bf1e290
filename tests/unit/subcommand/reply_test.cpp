#include "proxy/subcommand/reply.h"

#include <string>

#include "catch.h"

using slotless::subcommand::Reply;
using slotless::subcommand::ReplyReader;

namespace {

const std::string kStream =
    "+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*0\r\n"
    "*2\r\n*1\r\n:1\r\n$1\r\nx\r\n"
    "%1\r\n+k\r\n~2\r\n#t\r\n_\r\n"
    "|1\r\n+ttl\r\n:3\r\n,1.5\r\n"
    ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n=7\r\ntxt:abc\r\n";

std::string shown(const Reply& reply) {
  std::string text = std::to_string(static_cast<int>(reply.kind));
  text += reply.kind == Reply::Kind::Integer ? std::to_string(reply.integer) : reply.text;
  for (const Reply& each : reply.items) text += "(" + shown(each) + ")";
  return text;
}

std::string readInPieces(std::size_t size) {
  ReplyReader reader;
  std::string all;
  for (std::size_t at = 0; at < kStream.size(); at += size) {
    reader.feed(std::string_view(kStream).substr(at, size));
    while (const auto reply = reader.next()) all += shown(*reply) + ";";
  }
  return all;
}

}  // namespace

TEST_CASE("a reply is the same in whatever pieces it comes") {
  const std::string whole = readInPieces(kStream.size());
  CHECK(whole ==
        "0OK;1ERR no;2-7;3a\r\nbc;4;4;5;5(5(21))(3x);5(0k)(5(21)(4));31.5;6(3invalidate)(5(3k));3abc;");
  for (std::size_t size = 1; size < 20; ++size) CHECK(readInPieces(size) == whole);
}

TEST_CASE("what is no RESP breaks the reader, and nothing comes any more") {
  for (const char* text : {"hello\r\n", ":x\r\n", "$-2\r\n", "*999999999999\r\n", "\r\n"}) {
    ReplyReader reader;
    reader.feed(text);
    CHECK_FALSE(reader.next());
    CHECK(reader.broken());
  }
}

TEST_CASE("the fields of a map are found by their names") {
  ReplyReader reader;
  reader.feed("*4\r\n+a\r\n:1\r\n+b\r\n$2\r\n42\r\n");
  const auto reply = reader.next();
  REQUIRE(reply);
  REQUIRE(reply->field("b") != nullptr);
  CHECK(reply->field("b")->number() == 42);
  CHECK(reply->field("c") == nullptr);
}
