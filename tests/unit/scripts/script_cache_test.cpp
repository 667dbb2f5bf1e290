#include "proxy/scripts/script_cache.h"

#include "catch.h"

namespace slotless::test {

using session::ScriptCache;

namespace {
std::string shaOf(std::string_view text) {
  return ScriptCache::sha1Of(text);
}
// A script of ten bytes.
constexpr std::size_t kTenBytes = ScriptCache::costOf("0123456789");
}  // namespace

// Vectors: FIPS 180-1; the last one is what SCRIPT LOAD "return 1" gives.
TEST_CASE("scripts are named by the SHA1 of their text, in lower case") {
  CHECK(shaOf("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(shaOf("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(shaOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(shaOf("return 1") == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

TEST_CASE("a script that was remembered is found by its SHA1 in any case") {
  ScriptCache cache(1000);
  cache.remember("return 1");
  for (const char* sha :
       {"e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB"}) {
    const session::ScriptRef found = cache.find(sha);
    REQUIRE(found);
    CHECK(found->sha == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    CHECK(found->text == "return 1");
  }
  CHECK_FALSE(cache.find("e0e1f9fabfc9d4800c877a703b823ac0578ff8da"));
  CHECK_FALSE(cache.find(""));
}

TEST_CASE("the scripts not used for longest go when the cache is full") {
  ScriptCache cache(3 * kTenBytes);
  cache.remember("first.....");
  cache.remember("second....");
  cache.remember("third.....");
  CHECK(cache.find(shaOf("first.....")));  // used
  cache.remember("fourth....");
  CHECK_FALSE(cache.find(shaOf("second....")));
  CHECK(cache.find(shaOf("first.....")));
  CHECK(cache.find(shaOf("third.....")));
  CHECK(cache.find(shaOf("fourth....")));
}

TEST_CASE("remembering a script once more counts as a use and takes no more room") {
  ScriptCache cache(2 * kTenBytes);
  cache.remember("first.....");
  cache.remember("second....");
  for (int i = 0; i < 10; ++i) cache.remember("first.....");
  CHECK(cache.find(shaOf("second....")));
  cache.remember("first.....");
  cache.remember("third.....");
  CHECK(cache.find(shaOf("first.....")));
  CHECK_FALSE(cache.find(shaOf("second....")));
}

TEST_CASE("a script that was forgotten can be remembered again") {
  ScriptCache cache(kTenBytes);
  for (int i = 0; i < 3; ++i) {
    cache.remember("first.....");
    CHECK(cache.find(shaOf("first.....")));
    cache.remember("second....");
    CHECK(cache.find(shaOf("second....")));
    CHECK_FALSE(cache.find(shaOf("first.....")));
  }
}

TEST_CASE("a script larger than the cache is not remembered and displaces nothing") {
  ScriptCache cache(kTenBytes);
  cache.remember("small");
  cache.remember("far too large");
  CHECK_FALSE(cache.find(shaOf("far too large")));
  CHECK(cache.find(shaOf("small")));
}

TEST_CASE("a cleared cache knows nothing and can be filled again") {
  ScriptCache cache(kTenBytes);
  cache.remember("small");
  cache.clear();
  CHECK_FALSE(cache.find(shaOf("small")));
  cache.remember("0123456789");
  CHECK(cache.find(shaOf("0123456789")));
}

TEST_CASE("small scripts count at what they cost, and what is cleared costs nothing") {
  ScriptCache cache(100'000);
  for (int i = 0; i < 1000; ++i) cache.remember("return " + std::to_string(i));
  CHECK(cache.bytes() > 50'000);
  CHECK(cache.bytes() <= 100'000);
  CHECK_FALSE(cache.find(shaOf("return 0")));
  cache.clear();
  CHECK(cache.bytes() == 0);
}

}  // namespace slotless::test
