#include "proxy/telemetry/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

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
  CapturedStderr() : file_(std::tmpfile()) {
    log::flush();  // what earlier tests have logged
    saved_ = dup(STDERR_FILENO);
    dup2(fileno(file_), STDERR_FILENO);
  }
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
    log::flush();
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    saved_ = -1;
  }

  int saved_ = -1;
  std::FILE* file_;
};

// stderr is a pipe that takes a page, and that nobody reads before this object does.
class StuckStderr {
 public:
  StuckStderr() : saved_(dup(STDERR_FILENO)) {
    REQUIRE(pipe(ends_.data()) == 0);
    fcntl(ends_[1], F_SETPIPE_SZ, 4096);
    log::flush();
    dup2(ends_[1], STDERR_FILENO);
    close(ends_[1]);
  }
  ~StuckStderr() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    close(ends_[0]);
  }
  StuckStderr(const StuckStderr&) = delete;
  StuckStderr& operator=(const StuckStderr&) = delete;

  // Until a text has come.
  std::string readUpTo(std::string_view text) {
    std::string all;
    std::array<char, 4096> chunk;
    while (all.find(text) == std::string::npos) {
      const ssize_t n = read(ends_[0], chunk.data(), chunk.size());
      REQUIRE(n > 0);
      all.append(chunk.data(), static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  int saved_;
  std::array<int, 2> ends_{-1, -1};
};

void logFromOnePlace(int times) {
  for (int i = 0; i < times; ++i) log::warn("somebody causes this", {{"n", i}});
}

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
  const std::size_t end = text.find("Z\",\"level\":\"info\",\"event\":\"one\",\"n\":1}\n");
  REQUIRE(end != std::string::npos);
  CHECK(text.substr(0, end).rfind("{\"time\":\"20") != std::string::npos);
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

TEST_CASE("nobody waits for who does not read stderr, and the oldest lines are given up and counted") {
  log::init(Level::Info);
  const std::uint64_t lostBefore = log::lostLines();
  constexpr int kLines = 20000;
  StuckStderr stuck;
  // The writer may be late: what it has not taken yet is the oldest.
  log::always(Level::Warn, "nobody reads this", {{"n", 0}});
  CHECK(log::flush());
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 1; i < kLines; ++i) log::always(Level::Warn, "nobody reads this", {{"n", i}});
  CHECK_FALSE(log::flush(20ms));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  const std::uint64_t lost = log::lostLines() - lostBefore;
  CHECK(lost > kLines / 2);
  CHECK(lost < kLines);
  const std::string read = stuck.readUpTo("n=19999\n");
  CHECK(read.find("n=0\n") != std::string::npos);
  // Told whenever some are missing, before the next one that is there.
  constexpr std::string_view kTold = "warn  log lines lost  count=";
  std::uint64_t told = 0;
  for (std::size_t at = read.find(kTold); at != std::string::npos; at = read.find(kTold, at + 1))
    told += std::stoull(read.substr(at + kTold.size()));
  CHECK(told == lost);
  CHECK(log::flush());
}

TEST_CASE("lines that stderr refuses are counted as lost") {
  log::init(Level::Info);
  log::flush();
  const std::uint64_t lostBefore = log::lostLines();
  const int saved = dup(STDERR_FILENO);
  close(STDERR_FILENO);
  log::always(Level::Warn, "nowhere to go");
  CHECK(log::flush());
  dup2(saved, STDERR_FILENO);
  close(saved);
  CHECK(log::lostLines() == lostBefore + 1);
}

TEST_CASE("a place in the code gets so many lines a second through, and what was left out is told") {
  log::init(Level::Info);
  CapturedStderr captured;
  logFromOnePlace(1000);
  log::warn("another place");
  std::this_thread::sleep_for(1100ms);
  logFromOnePlace(1);
  const std::string text = captured.text();
  const auto lines = std::count(text.begin(), text.end(), '\n');
  CHECK(lines >= log::kLinesPerSecond + 2);
  CHECK(lines <= 4 * log::kLinesPerSecond);  // a slow machine may have needed more than a second
  CHECK(text.find("another place\n") != std::string::npos);
  CHECK(text.find("suppressed=9") != std::string::npos);
}

// A line that is not limited must be nothing that a client or a node can cause: so it may stand only where
// the operator's doings are handled.
TEST_CASE("only what the operator causes is logged without a limit") {
  const std::vector<std::string> allowed = {"main.cpp",
                                            "server/certificates.cpp",
                                            "server/credentials.cpp",
                                            "server/descriptor_limit.cpp",
                                            "server/password_file.cpp",
                                            "server/reload.cpp",
                                            "server/server.cpp",
                                            "telemetry/log.cpp",
                                            "telemetry/log.h"};
  const std::filesystem::path root = SLOTLESS_SOURCE;
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "proxy")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.find("always(") == std::string::npos) continue;
    ++found;
    const std::string path = entry.path().lexically_relative(root / "proxy").string();
    INFO(path);
    CHECK(std::find(allowed.begin(), allowed.end(), path) != allowed.end());
  }
  CHECK(found == allowed.size());
}
