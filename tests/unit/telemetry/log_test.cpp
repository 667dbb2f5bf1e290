#include "proxy/telemetry/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <string>
#include <type_traits>

#include "catch.h"

using namespace slotless;  // `namespace log = ...` would clash with the C library's log()
using slotless::log::Level;
using namespace std::chrono_literals;

namespace {

std::string lineOf(Level level, std::string_view event, log::Fields fields) {
  return log::formatLine(level, event, {fields.begin(), fields.size()});
}

std::string valueOf(log::Value value) {
  std::string text;
  value.appendTo(text);
  return text;
}

// Takes over stderr, which the log writes to, for as long as it lives.
class CapturedStderr {
 public:
  CapturedStderr() : saved_(dup(STDERR_FILENO)), file_(std::tmpfile()) { dup2(fileno(file_), STDERR_FILENO); }
  ~CapturedStderr() {
    restore();
    std::fclose(file_);
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;

  std::string text() {
    restore();
    std::string all;
    std::array<char, 4096> chunk;
    std::rewind(file_);
    while (const auto n = std::fread(chunk.data(), 1, chunk.size(), file_)) all.append(chunk.data(), n);
    return all;
  }

 private:
  void restore() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    saved_ = -1;
  }

  int saved_;
  std::FILE* file_;
};

}  // namespace

TEST_CASE("a log line names level, event and fields in the order given") {
  CHECK(lineOf(Level::Info, "link lost",
               {{"node", "127.0.0.1:7001"}, {"error", std::string("connection reset")}, {"in_flight", 3}}) ==
        "info  link lost  node=127.0.0.1:7001 error=\"connection reset\" in_flight=3");
  CHECK(lineOf(Level::Error, "stopped", {}) == "error stopped");
}

TEST_CASE("log values of every type are written as themselves") {
  CHECK(valueOf(true) == "true");
  CHECK(valueOf(false) == "false");
  CHECK(valueOf(-7) == "-7");
  CHECK(valueOf(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(valueOf(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(valueOf(std::uint16_t{6379}) == "6379");
  CHECK(valueOf(0.25) == "0.25");
  CHECK_FALSE(std::is_constructible_v<log::Value, void*>);
}

TEST_CASE("log values are quoted only where they could be misread") {
  CHECK(valueOf("plain/text:1") == "plain/text:1");
  CHECK(valueOf("") == "\"\"");
  CHECK(valueOf("two words") == "\"two words\"");
  CHECK(valueOf("a=b") == "\"a=b\"");
  CHECK(valueOf("say \"hi\"") == R"("say \"hi\"")");
  CHECK(valueOf("back\\slash") == R"("back\\slash")");
}

TEST_CASE("no text can break out of its log line") {
  CHECK(valueOf("a\r\nb\tc") == R"("a\r\nb\tc")");
  CHECK(valueOf(std::string_view("\0\x1b[2J\x7f\xff", 7)) == R"("\x00\x1b[2J\x7f\xff")");
  CHECK(lineOf(Level::Warn, "first\nsecond", {}) == "warn  first\\nsecond");
}

TEST_CASE("a long log value is cut and says so") {
  CHECK(valueOf(std::string(log::kMaxValueBytes, 'x')) == std::string(log::kMaxValueBytes, 'x'));
  const std::string cut = valueOf(std::string(log::kMaxValueBytes + 1, 'x'));
  CHECK(cut.size() < log::kMaxValueBytes + 8);
  CHECK(cut.find("...") != std::string::npos);
}

TEST_CASE("as JSON a log line is one object with typed values") {
  const std::initializer_list<log::Field> fields = {{"node", "127.0.0.1:7001"},
                                                    {"n", -3},
                                                    {"ok", true},
                                                    {"share", 0.5},
                                                    {"none", std::numeric_limits<double>::infinity()}};
  CHECK(
      log::formatJson(Level::Warn, "link lost", {fields.begin(), fields.size()}) ==
      R"("level":"warn","event":"link lost","node":"127.0.0.1:7001","n":-3,"ok":true,"share":0.5,"none":null})");
}

TEST_CASE("no text can break out of its JSON string, and it is cut as elsewhere") {
  const std::initializer_list<log::Field> fields = {{"a", std::string_view("\"\\\n\0\xff", 5)}};
  CHECK(log::formatJson(Level::Info, "x", {fields.begin(), fields.size()}) ==
        R"("level":"info","event":"x","a":"\"\\\u000a\u0000\u00ff"})");
  const std::string text(log::kMaxValueBytes + 1, 'x');
  const std::initializer_list<log::Field> longer = {{"a", text}};
  CHECK(log::formatJson(Level::Info, "x", {longer.begin(), longer.size()}).ends_with("x...\"}"));
}

TEST_CASE("the format of the log can change while it is written") {
  CapturedStderr captured;
  log::init(Level::Info, log::Format::Json);
  log::info("one", {{"n", 1}});
  log::setFormat(log::Format::Text);
  log::info("two", {{"n", 2}});
  const std::string text = captured.text();
  CHECK(text.starts_with("{\"time\":\"20"));
  CHECK(text.find("Z\",\"level\":\"info\",\"event\":\"one\",\"n\":1}\n") != std::string::npos);
  CHECK(text.find("Z info  two  n=2\n") != std::string::npos);
}

TEST_CASE("log level names are read back") {
  for (const Level level : {Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error})
    CHECK(log::parseLevel(log::levelName(level)) == level);
  CHECK(log::parseLevel("warning") == Level::Warn);
  CHECK_FALSE(log::parseLevel("loud"));
  CHECK_FALSE(log::parseLevel(""));
}

TEST_CASE("the log writes one line with a UTC time per event and leaves out lower levels") {
  CapturedStderr captured;
  log::init(Level::Warn);
  log::info("not this one");
  log::warn("link lost", {{"node", "n:1"}});
  log::setLevel(Level::Debug);
  log::debug("now this one");
  log::setLevel(Level::Info);
  const std::string text = captured.text();
  const std::size_t first = text.find('\n');
  REQUIRE(first != std::string::npos);
  constexpr std::string_view kTime = "2026-01-02T03:04:05.678Z ";
  REQUIRE(text.size() > kTime.size());
  CHECK(text[10] == 'T');
  CHECK(text.substr(kTime.size() - 2, 2) == "Z ");
  CHECK(text.substr(kTime.size(), first - kTime.size()) == "warn  link lost  node=n:1");
  CHECK(text.substr(first + 1 + kTime.size()) == "debug now this one\n");
}

TEST_CASE("a rate limit lets so many events per second pass and counts the others") {
  log::RateLimit limit(2);
  const log::RateLimit::Clock::time_point start{};
  CHECK(limit.admit(start) == 0U);
  CHECK(limit.admit(start + 1ms) == 0U);
  CHECK_FALSE(limit.admit(start + 2ms));
  CHECK_FALSE(limit.admit(start + 999ms));
  CHECK(limit.admit(start + 1s) == 2U);
  CHECK(limit.admit(start + 1s) == 0U);
  CHECK_FALSE(limit.admit(start + 1999ms));
  CHECK(limit.admit(start + 60s) == 1U);
}

TEST_CASE("a rate limit bears a clock that stands behind its window") {
  log::RateLimit limit(1);
  const log::RateLimit::Clock::time_point start{};
  CHECK(limit.admit(start) == 0U);
  CHECK_FALSE(limit.admit(start - 5s));
  CHECK(limit.admit(start + 1s) == 1U);
}

TEST_CASE("a rate-limited log line tells how many were left out before it") {
  CapturedStderr captured;
  log::RateLimit limit(1);
  const log::RateLimit::Clock::time_point start{};
  log::setLevel(Level::Info);
  for (int i = 0; i < 4; ++i)
    log::write(limit, start, Level::Warn, "client refused", {{"limit", "max_clients"}});
  log::write(limit, start + 1s, Level::Debug, "a level that is off uses nothing up");
  log::write(limit, start + 1s, Level::Warn, "client refused", {{"limit", "max_clients"}});
  const std::string text = captured.text();
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find("client refused  limit=max_clients\n") != std::string::npos);
  CHECK(text.find("client refused  limit=max_clients suppressed=3\n") != std::string::npos);
}
