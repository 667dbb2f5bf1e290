#include "proxy/migrate/reporter.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "proxy/subcommand/json_line.h"

namespace slotless::migrate {

namespace {

constexpr std::uint64_t kPrintedWithoutTerminal = 10;  // each so many
constexpr std::size_t kBar = 20;

std::string barOf(const Standing& standing) {
  if (standing.expected == 0) return std::string(kBar, '-');
  const std::uint64_t filled = std::min<std::uint64_t>(standing.walked * kBar / standing.expected, kBar);
  return std::string(filled, '#') + std::string(kBar - filled, '-');
}

std::string etaText(std::int64_t seconds) {
  if (seconds < 0) return "?";
  if (seconds < 120) return std::to_string(seconds) + " s";
  return std::to_string(seconds / 60) + " min";
}

std::string lineOf(const Standing& s) {
  std::string text = s.phase;
  if (s.phase == "walking") {
    text += " database " + std::to_string(s.database) + " [" + barOf(s) + "] " + std::to_string(s.walked) +
            " of " + std::to_string(s.expected) + " keys, ETA " + etaText(s.etaSeconds);
  }
  text += "; copied " + std::to_string(s.keys) + " (" + byteText(s.bytes) + "), " +
          std::to_string(static_cast<std::uint64_t>(s.keysPerSecond)) + "/s, deleted " +
          std::to_string(s.deleted) + "; waiting " + std::to_string(s.waiting) + ", lag " +
          std::to_string(s.lagMs) + " ms; source answers in " + std::to_string(s.latencyUs / 1000) + "." +
          std::to_string(s.latencyUs / 100 % 10) + " ms";
  return text;
}

}  // namespace

Reporter::Reporter(bool json) : json_(json), terminal_(!json && ::isatty(STDERR_FILENO) == 1) {}

void Reporter::endLine() {
  if (lineIsOpen_) std::fputs("\n", stderr);
  lineIsOpen_ = false;
}

void Reporter::say(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (json_) {
    std::printf("%s\n", subcommand::JsonLine().text("event", "message").text("text", text).done().c_str());
    std::fflush(stdout);
    return;
  }
  endLine();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void Reporter::fail(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (json_) {
    std::printf("%s\n", subcommand::JsonLine().text("event", "error").text("text", text).done().c_str());
    std::fflush(stdout);
    return;
  }
  endLine();
  std::fprintf(stderr, "slotless migrate: %s\n", text.c_str());
}

void Reporter::show(const Standing& s, bool important) {
  const std::lock_guard lock(mutex_);
  if (json_) {
    std::printf("%s\n", subcommand::JsonLine()
                            .text("event", "progress")
                            .text("phase", s.phase)
                            .number("database", s.database)
                            .number("walked", s.walked)
                            .number("expected", s.expected)
                            .number("keys", s.keys)
                            .number("bytes", s.bytes)
                            .number("deleted", s.deleted)
                            .number("waiting", s.waiting)
                            .number("lag_ms", s.lagMs)
                            .number("source_latency_us", s.latencyUs)
                            .number("keys_per_second", static_cast<std::uint64_t>(s.keysPerSecond))
                            .number("bytes_per_second", static_cast<std::uint64_t>(s.bytesPerSecond))
                            .number("eta_seconds", s.etaSeconds)
                            .done()
                            .c_str());
    std::fflush(stdout);
    return;
  }
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", lineOf(s).c_str());
    lineIsOpen_ = true;
    if (important) endLine();
    std::fflush(stderr);
    return;
  }
  if (important || shown_++ % kPrintedWithoutTerminal == 0) std::fprintf(stderr, "%s\n", lineOf(s).c_str());
}

void Reporter::print(const std::string& text) {
  const std::lock_guard lock(mutex_);
  endLine();
  std::fputs(text.c_str(), stdout);
  std::fputs("\n", stdout);
  std::fflush(stdout);
}

}  // namespace slotless::migrate
