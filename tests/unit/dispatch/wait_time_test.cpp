// What servers make of a timeout: as Redis 7.0.15, 8.0 and Valkey 9.1 answered when they were asked.
#include "proxy/dispatch/wait_time.h"

#include <string>

#include "catch.h"

namespace slotless::test {

using namespace std::chrono_literals;
using session::readWaitTime;

namespace {

constexpr std::string_view kNoFloat = "ERR timeout is not a float or out of range";
constexpr std::string_view kNoInteger = "ERR timeout is not an integer or out of range";
constexpr std::string_view kNegative = "ERR timeout is negative";
constexpr std::string_view kOutOfRange = "ERR timeout is out of range";
constexpr std::int64_t kNow = 1'700'000'000'000;

}  // namespace

TEST_CASE("seconds are whatever C takes for a number, without spaces") {
  struct Row {
    const char* text;
    net::Millis length;
  };
  for (const Row& row : {Row{"2.5", 2500ms}, Row{"+0.01", 10ms}, Row{"0x0.8", 500ms}, Row{"0x1p-2", 250ms},
                         Row{"1e-2", 10ms}, Row{".01", 10ms}, Row{"1.", 1000ms}, Row{"001", 1000ms},
                         Row{"0.0001", 1ms}, Row{"0.0011", 2ms}, Row{"1e-400", 1ms}}) {
    INFO(row.text);
    const auto read = readWaitTime(row.text, false, kNow);
    CHECK(read.objection.empty());
    CHECK(read.length == std::optional<net::Millis>(row.length));
  }
  for (const char* text : {"", "soon", " 0.01", "0.01 ", "0.01x", "1e", "0x", "1,0", "1_0", "nan", "-nan",
                           "1e5000", "1e-5000"}) {
    INFO(text);
    CHECK(readWaitTime(text, false, kNow).objection == kNoFloat);
  }
  CHECK(readWaitTime(std::string_view("1\0", 2), false, kNow).objection == kNoFloat);
  CHECK(readWaitTime(std::string(5118, '0') + "1", false, kNow).length == std::optional<net::Millis>(1s));
  CHECK(readWaitTime(std::string(5119, '0') + "1", false, kNow).objection == kNoFloat);
}

TEST_CASE("less than nothing is refused once it is a millisecond, and otherwise without end") {
  for (const char* text : {"-1", "-0.002", "-inf", "-1e19", "-9223372036854775809"}) {
    INFO(text);
    CHECK(readWaitTime(text, false, kNow).objection == kNegative);
    CHECK(readWaitTime(text, false, std::nullopt).objection == kNegative);
  }
  for (const char* text : {"0", "-0", "0.0", "-0.0001", "-1e-400"}) {
    INFO(text);
    const auto read = readWaitTime(text, false, kNow);
    CHECK(read.objection.empty());
    CHECK(read.length == std::nullopt);
  }
}

TEST_CASE("what ends beyond all numbers is refused by servers that look, and overflows in others") {
  for (const char* text : {"inf", "infinity", "1e400", "9.3e15", "1e19"}) {
    INFO(text);
    CHECK(readWaitTime(text, false, kNow).objection == kOutOfRange);
    CHECK(readWaitTime(text, false, std::nullopt).objection == kNegative);
  }
  CHECK(readWaitTime("9223372036854775.807", false, kNow).objection == kOutOfRange);
  CHECK(readWaitTime("9223372036854775.807", false, std::nullopt).objection.empty());
  CHECK(readWaitTime("9.2e15", false, kNow).objection.empty());
  CHECK(readWaitTime("9.2e15", false, kNow).length == std::nullopt);
  CHECK(readWaitTime("9223372036854775807", true, kNow).objection == kOutOfRange);
  CHECK(readWaitTime("9223372036854775807", true, std::nullopt).objection.empty());
  CHECK(readWaitTime("9221590000000000000", true, kNow).objection.empty());
}

TEST_CASE("milliseconds are integers as Redis writes them") {
  CHECK(readWaitTime("2500", true, kNow).length == std::optional<net::Millis>(2500ms));
  CHECK(readWaitTime("0", true, kNow).length == std::nullopt);
  for (const char* text :
       {"", "x", "+1", " 1", "01", "00", "-0", "1.0", "1e0", "inf", "nan", "9223372036854775808"}) {
    INFO(text);
    CHECK(readWaitTime(text, true, kNow).objection == kNoInteger);
  }
  for (const char* text : {"-1", "-9223372036854775808"}) {
    INFO(text);
    CHECK(readWaitTime(text, true, kNow).objection == kNegative);
  }
}

}  // namespace slotless::test
