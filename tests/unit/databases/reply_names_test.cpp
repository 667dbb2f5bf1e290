#include "proxy/databases/reply_names.h"

#include "catch.h"

using namespace slotless;
using protocol::ReplyNames;

namespace {

std::string composed(ReplyNames names, std::string_view reply) {
  databases::Database database;
  database.prefix = "~1{t}";
  const auto composer = databases::composerFor(names, database);
  const routing::PartReply part{reply, {}};
  std::string out;
  composer->compose(std::span(&part, 1), out);
  return out;
}

}  // namespace

TEST_CASE("the first element of a pop is the key's own name, in both protocols") {
  CHECK(composed(ReplyNames::First, "*2\r\n$6\r\n~1{t}a\r\n$1\r\nx\r\n") == "*2\r\n$1\r\na\r\n$1\r\nx\r\n");
  CHECK(composed(ReplyNames::First, "*3\r\n$6\r\n~1{t}a\r\n$1\r\nm\r\n,1.5\r\n") ==
        "*3\r\n$1\r\na\r\n$1\r\nm\r\n,1.5\r\n");
  // An element that looks like a key is none.
  CHECK(composed(ReplyNames::First, "*2\r\n$6\r\n~1{t}a\r\n$6\r\n~1{t}a\r\n") ==
        "*2\r\n$1\r\na\r\n$6\r\n~1{t}a\r\n");
  for (const char* null : {"*-1\r\n", "_\r\n", "$-1\r\n"}) CHECK(composed(ReplyNames::First, null) == null);
}

TEST_CASE("streams are named in arrays and in maps") {
  CHECK(composed(ReplyNames::Streams, "*2\r\n*2\r\n$6\r\n~1{t}a\r\n*0\r\n*2\r\n$6\r\n~1{t}b\r\n*0\r\n") ==
        "*2\r\n*2\r\n$1\r\na\r\n*0\r\n*2\r\n$1\r\nb\r\n*0\r\n");
  CHECK(composed(ReplyNames::Streams, "%1\r\n$6\r\n~1{t}a\r\n*1\r\n$1\r\nx\r\n") ==
        "%1\r\n$1\r\na\r\n*1\r\n$1\r\nx\r\n");
  CHECK(composed(ReplyNames::Streams, "*-1\r\n") == "*-1\r\n");
  CHECK(composed(ReplyNames::Streams, "_\r\n") == "_\r\n");
}

TEST_CASE("errors lose the prefix wherever it stands") {
  CHECK(composed(ReplyNames::Errors, "-NOGROUP '~1{t}a' or '~1{t}b'\r\n") == "-NOGROUP 'a' or 'b'\r\n");
  databases::Database database;
  CHECK(databases::withoutPrefix("~1{t}a", database) == "~1{t}a");
  database.prefix = "~1{t}";
  CHECK(databases::withoutPrefix("none", database) == "none");
  CHECK(databases::withoutPrefix("~1{t}", database).empty());
  CHECK(databases::withoutPrefix("'~1{t}~1{t}x' ~1{t}y", database) == "'~1{t}x' y");
}
