#include "protocol/slot.h"

#include <string>

#include "catch.h"
#include "random_resp.h"

using slotless::protocol::crc16;
using slotless::protocol::hashTag;
using slotless::protocol::kSlotCount;
using slotless::protocol::slotOf;

namespace {

std::uint16_t crc16BitByBit(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
  }
  return static_cast<std::uint16_t>(crc & 0xFFFFU);
}

}  // namespace

TEST_CASE("CRC16 gives the check value of the cluster specification") {
  CHECK(crc16("123456789") == 0x31C3);
}

TEST_CASE("CRC16 of any bytes of any length is that of the bit-by-bit definition") {
  slotless::test::RandomResp random(16384);
  for (std::size_t round = 0; round < 3000; ++round) {
    const std::string bytes = random.bytes(100);
    REQUIRE(crc16(bytes) == crc16BitByBit(bytes));
  }
}

TEST_CASE("Slots are those that Redis gives for the same keys") {
  CHECK(slotOf("") == 0);
  CHECK(slotOf("foo") == 12182);
  CHECK(slotOf("bar") == 5061);
  CHECK(slotOf("hello") == 866);
  CHECK(slotOf("123456789") == 12739);
  CHECK(slotOf("somekey") == 11058);
  CHECK(slotOf("foo{hash_tag}") == 2515);
  CHECK(slotOf("{}foo") == 9500);
  CHECK(slotOf("foo{}") == 5542);
  CHECK(slotOf("foo{}{bar}") == 8363);
  CHECK(slotOf("{user1000}.following") == slotOf("user1000"));
  CHECK(slotOf("{user1000}.followers") == 3443);
}

TEST_CASE("The hash tag is what stands between the first brace and the next closing one") {
  CHECK(hashTag("{user1000}.following") == "user1000");
  CHECK(hashTag("foo{{bar}}zap") == "{bar");
  CHECK(hashTag("foo{bar}{zap}") == "bar");
  CHECK(hashTag("}{a}") == "a");
  CHECK(hashTag("{a}") == "a");
}

TEST_CASE("Without a closed and filled hash tag the whole key is hashed") {
  CHECK(hashTag("") == "");
  CHECK(hashTag("{}") == "{}");
  CHECK(hashTag("{}{x}") == "{}{x}");
  CHECK(hashTag("foo{}{bar}") == "foo{}{bar}");
  CHECK(hashTag("foo{bar") == "foo{bar");
  CHECK(hashTag("foo}bar{") == "foo}bar{");
  CHECK(hashTag("{") == "{");
  CHECK(hashTag("plain") == "plain");
}

TEST_CASE("Every slot is below the slot count") {
  slotless::test::RandomResp random(5);
  for (std::size_t round = 0; round < 1000; ++round) REQUIRE(slotOf(random.bytes(30)) < kSlotCount);
}
