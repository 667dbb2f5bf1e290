#include "config/quantity.h"

#include "catch.h"

using namespace slotless::config;

TEST_CASE("Permissions are three octal digits") {
  CHECK(parseMode("700").value == 0700U);
  CHECK(parseMode("0660").value == 0660U);
  CHECK(parseMode("007").value == 7U);
  CHECK(formatMode(0700) == "700");
  CHECK(formatMode(7) == "007");
  for (const auto* text : {"", "7", "77", "7777", "1777", "708", "-70", "0x7", "rwx"}) {
    INFO(text);
    CHECK_FALSE(parseMode(text).value);
  }
}

TEST_CASE("A share is one of how many") {
  CHECK(parseShare("1%").value == 100U);
  CHECK(parseShare("100%").value == 1U);
  CHECK(parseShare("0.25%").value == 400U);
  CHECK(parseShare("3%").value == 33U);
  CHECK(parseShare("0.0001%").value == 1'000'000U);
  CHECK(parseShare("0%").value == 0U);
  CHECK(parseShare("0.0%").value == 0U);
  for (const auto* text :
       {"", "%", "1", "-1%", "+1%", " 1%", "1 %", "1%%", "100.1%", "0.00001%", "1e1%", "inf%", "nan%"}) {
    INFO(text);
    CHECK_FALSE(parseShare(text).value);
  }
}

TEST_CASE("Sizes have the units of redis.conf") {
  struct Case {
    std::string text;
    std::uint64_t bytes;
  };
  const auto& c = GENERATE(values<Case>({{"0", 0},
                                         {"65536", 65536},
                                         {"7b", 7},
                                         {"1k", 1000},
                                         {"1kb", 1024},
                                         {"3m", 3000000},
                                         {"3mb", 3 * kMiB},
                                         {"2g", 2000000000},
                                         {"2gb", 2 * kGiB},
                                         {"2GB", 2 * kGiB},
                                         {"1Kb", 1024}}));
  INFO(c.text);
  CHECK(parseBytes(c.text).value == c.bytes);
}

TEST_CASE("What is not a size is refused with a reason where there is one") {
  struct Case {
    std::string text;
    std::string reason;
  };
  const auto& c = GENERATE(values<Case>({{"", ""},
                                         {"mb", ""},
                                         {"-1", ""},
                                         {"+1", ""},
                                         {" 1", ""},
                                         {"1.5mb", "the unit is not known"},
                                         {"1 mb", "the unit is not known"},
                                         {"1tb", "the unit is not known"},
                                         {"99999999999999999999", "the number is too large"},
                                         {"99999999999gb", "the number is too large"}}));
  INFO(c.text);
  CHECK_FALSE(parseBytes(c.text).value);
  CHECK(parseBytes(c.text).reason == c.reason);
}

TEST_CASE("Durations name their unit") {
  struct Case {
    std::string text;
    std::int64_t milliseconds;
  };
  const auto& c = GENERATE(
      values<Case>({{"0", 0}, {"0s", 0}, {"500ms", 500}, {"15s", 15000}, {"2m", 120000}, {"1h", 3600000}}));
  INFO(c.text);
  CHECK(parseDuration(c.text).value == Milliseconds(c.milliseconds));
}

TEST_CASE("What is not a duration is refused with a reason where there is one") {
  struct Case {
    std::string text;
    std::string reason;
  };
  const auto& c = GENERATE(values<Case>({{"", ""},
                                         {"s", ""},
                                         {"-1s", ""},
                                         {"15", "the unit is missing"},
                                         {"15sec", "the unit is not known"},
                                         {"1.5s", "the unit is not known"},
                                         {"1M", "the unit is not known"},
                                         {"18446744073709551615ms", "the number is too large"},
                                         {"99999999999999999h", "the number is too large"}}));
  INFO(c.text);
  CHECK_FALSE(parseDuration(c.text).value);
  CHECK(parseDuration(c.text).reason == c.reason);
}

TEST_CASE("Counts are plain numbers") {
  CHECK(parseCount("0").value == 0U);
  CHECK(parseCount("10000").value == 10000U);
  for (const auto* text : {"", "-1", "1k", "0x10", "1e3", "18446744073709551616", "1 "}) {
    INFO(text);
    CHECK_FALSE(parseCount(text).value);
  }
}

TEST_CASE("Sizes and durations are written in the largest unit that is exact") {
  CHECK(formatBytes(0) == "0");
  CHECK(formatBytes(1000) == "1000");
  CHECK(formatBytes(1024) == "1kb");
  CHECK(formatBytes(1536 * kKiB) == "1536kb");
  CHECK(formatBytes(512 * kMiB) == "512mb");
  CHECK(formatBytes(64 * kGiB) == "64gb");
  CHECK(formatDuration(Milliseconds(0)) == "0");
  CHECK(formatDuration(Milliseconds(1500)) == "1500ms");
  CHECK(formatDuration(Milliseconds(15000)) == "15s");
  CHECK(formatDuration(Milliseconds(90000)) == "90s");
  CHECK(formatDuration(Milliseconds(300000)) == "5m");
  CHECK(formatDuration(Milliseconds(7200000)) == "2h");
}
