// Whether a text begins with another one.
#include "protocol/beginning.h"

#include <string>

#include "catch.h"
#include "random_resp.h"

namespace slotless::protocol {

TEST_CASE("A beginning is found in what begins with it, however long both are") {
  const std::string all = "0123456789abcdef";
  for (std::size_t size = 0; size <= all.size(); ++size) {
    const Beginning beginning(all.substr(0, size));
    CHECK(beginning.size() == size);
    for (std::size_t length = 0; length <= all.size(); ++length) {
      INFO(size << " of " << length);
      CHECK(beginning.of(all.substr(0, length)) == (length >= size));
      if (size == 0 || length < size) continue;
      std::string other = all.substr(0, length);
      other[size - 1] = '!';
      CHECK_FALSE(beginning.of(other));
    }
  }
}

TEST_CASE("A beginning answers about any bytes as the library's comparison does") {
  slotless::test::RandomResp random(77);
  for (std::size_t round = 0; round < 3000; ++round) {
    const std::string text = random.bytes(20);
    const std::string begins = round % 2 == 0 ? text.substr(0, round % 13) : random.bytes(3);
    REQUIRE(Beginning(begins).of(text) == text.starts_with(begins));
  }
}

}  // namespace slotless::protocol
