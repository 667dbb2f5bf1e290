#include "proxy/shadow/comparison.h"

#include <string_view>

#include "catch.h"

namespace slotless::shadow {
namespace {

using protocol::ReplyOrder;
using subcommand::Reply;
using subcommand::ReplyReader;

Reply replyOf(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  return reader.next().value();
}

bool same(std::string_view one, std::string_view other, ReplyOrder order = ReplyOrder::Kept) {
  return essence(replyOf(one), order) == essence(replyOf(other), order);
}

TEST_CASE("replies say the same whichever way they are written") {
  CHECK(same("$1\r\na\r\n", "+a\r\n"));
  CHECK(same("$-1\r\n", "*-1\r\n"));
  CHECK_FALSE(same("$1\r\na\r\n", "$1\r\nb\r\n"));
  CHECK_FALSE(same("$-1\r\n", "$0\r\n\r\n"));
  CHECK_FALSE(same(":1\r\n", ":2\r\n"));
}

TEST_CASE("of errors the kind counts, not the text, which may name a key") {
  CHECK(same("-ERR no such key a\r\n", "-ERR no such key db1:a\r\n"));
  CHECK_FALSE(same("-ERR no\r\n", "-WRONGTYPE no\r\n"));
  CHECK_FALSE(same("-ERR no\r\n", "$2\r\nno\r\n"));
}

TEST_CASE("the order counts unless the command has none") {
  constexpr std::string_view kOne = "*2\r\n$1\r\na\r\n$1\r\nb\r\n";
  constexpr std::string_view kOther = "*2\r\n$1\r\nb\r\n$1\r\na\r\n";
  CHECK_FALSE(same(kOne, kOther));
  CHECK(same(kOne, kOther, ReplyOrder::Any));
  CHECK_FALSE(same(kOne, "*2\r\n$1\r\na\r\n$1\r\na\r\n", ReplyOrder::Any));
  CHECK_FALSE(same(kOne, "*1\r\n$1\r\na\r\n", ReplyOrder::Any));
}

TEST_CASE("fields stay with their values") {
  constexpr std::string_view kOne = "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n";
  CHECK(same(kOne, "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n1\r\n", ReplyOrder::AnyPair));
  CHECK_FALSE(same(kOne, "*4\r\n$1\r\na\r\n$1\r\n2\r\n$1\r\nb\r\n$1\r\n1\r\n", ReplyOrder::AnyPair));
  // No pairs: as it is.
  CHECK_FALSE(same("*3\r\n:1\r\n:2\r\n:3\r\n", "*3\r\n:3\r\n:1\r\n:2\r\n", ReplyOrder::AnyPair));
}

TEST_CASE("texts do not run together") {
  CHECK_FALSE(same("*2\r\n$2\r\nab\r\n$1\r\nc\r\n", "*2\r\n$1\r\na\r\n$2\r\nbc\r\n"));
  CHECK_FALSE(same("*2\r\n*1\r\n:1\r\n:2\r\n", "*2\r\n*2\r\n:1\r\n:2\r\n:2\r\n"));
}

TEST_CASE("what a server says about itself is no answer") {
  CHECK(isAnswer(replyOf("$-1\r\n")));
  CHECK(isAnswer(replyOf("-WRONGTYPE Operation\r\n")));
  CHECK(isAnswer(replyOf("-ERR syntax error\r\n")));
  CHECK_FALSE(isAnswer(replyOf("-MOVED 1 a:1\r\n")));
  CHECK_FALSE(isAnswer(replyOf("-NOPERM no\r\n")));
  CHECK_FALSE(isAnswer(replyOf("-LOADING\r\n")));
  CHECK_FALSE(isAnswer({Reply::Kind::Lost, "gone"}));
}

}  // namespace
}  // namespace slotless::shadow
