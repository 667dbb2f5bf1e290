#include "proxy/trace/protobuf.h"

#include <cstdint>
#include <string>

#include "catch.h"
#include "decoded.h"

namespace slotless::trace {
namespace {

TEST_CASE("fields are written as the format has them") {
  std::string out;
  ProtobufWriter writer(out);
  writer.varint(1, 150);  // the format's own example
  CHECK(out == "\x08\x96\x01");
  out.clear();
  writer.bytes(2, "testing");
  CHECK(out == "\x12\x07testing");
  out.clear();
  writer.fixed32(16, 0x04030201);
  CHECK(out == "\x85\x01\x01\x02\x03\x04");
  out.clear();
  writer.fixed64(7, 0x0807060504030201);
  CHECK(out == "\x39\x01\x02\x03\x04\x05\x06\x07\x08");
  out.clear();
  writer.message(3, [](ProtobufWriter& inner) { inner.varint(1, 150); });
  CHECK(out == "\x1a\x03\x08\x96\x01");
}

TEST_CASE("messages are as long as they are, however deep and large") {
  std::string out;
  ProtobufWriter writer(out);
  const std::string large(300, 'x');
  writer.message(1, [&](ProtobufWriter& outer) {
    outer.varint(1, UINT64_MAX);
    outer.message(2, [&](ProtobufWriter& inner) {
      inner.bytes(1, large);
      inner.message(2, [](ProtobufWriter&) {});
    });
    outer.varint(3, 0);
  });
  writer.varint(100'000, 5);
  const Decoded all(out);
  CHECK(all.one(100'000).number == 5);
  const Decoded outer = all.message(1);
  CHECK(outer.one(1).number == UINT64_MAX);
  CHECK(outer.one(3).number == 0);
  CHECK(outer.message(2).one(1).text == large);
  CHECK(outer.message(2).one(2).text.empty());
}

TEST_CASE("fields are read one by one, also those that nobody knows") {
  std::string out;
  ProtobufWriter writer(out);
  writer.varint(1, 300);
  writer.fixed64(2, 7);
  writer.fixed32(3, 8);
  writer.bytes(4, "text");
  std::string_view bytes = out;
  auto field = takeField(bytes);
  REQUIRE(field);
  CHECK(field->number == 1);
  CHECK(field->type == WireType::Varint);
  CHECK(field->value == 300);
  CHECK(takeField(bytes)->value == 7);
  CHECK(takeField(bytes)->value == 8);
  field = takeField(bytes);
  REQUIRE(field);
  CHECK(field->type == WireType::Bytes);
  CHECK(field->bytes == "text");
  CHECK_FALSE(takeField(bytes));
  CHECK(bytes.empty());
}

TEST_CASE("what is malformed is not read, and no end is passed") {
  using namespace std::string_literals;
  for (const std::string& text : {
           "\x08"s,                                              // no value
           "\x08\x80"s,                                          // half a number
           "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,  // more than there are bits
           "\x12\x05"s + "four",                                 // a text that is too short
           "\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f"s,          // … by far
           "\x0d\x01\x02\x03"s,                                  // half of a fixed32
           "\x09\x01"s,                                          // … of a fixed64
           "\x0b\x0c"s,                                          // a group
           "\x00\x01"s,                                          // field 0
       }) {
    std::string_view bytes = text;
    CHECK_FALSE(takeField(bytes));
    CHECK_FALSE(bytes.empty());
  }
}

}  // namespace
}  // namespace slotless::trace
