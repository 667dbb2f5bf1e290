#include "proxy/telemetry/log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "proxy/telemetry/call_sites.h"
#include "proxy/telemetry/log_writer.h"

namespace slotless::log {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"trace", "debug", "info", "warn", "error"};

std::atomic<Format> currentFormat{Format::Text};

bool isPlain(unsigned char c) noexcept {
  return c >= 0x20 && c < 0x7f;
}

// Bytes outside of printable ASCII become escapes, so that no input can forge a line or steer a terminal.
void appendEscaped(std::string& line, std::string_view text, bool quoted) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text.substr(0, kMaxValueBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (quoted && (c == '"' || c == '\\')) {
      line += '\\';
      line += c;
    } else if (isPlain(byte)) {
      line += c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      line += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else {
      line += "\\x";
      line += kHex[byte >> 4];
      line += kHex[byte & 0xf];
    }
  }
  if (text.size() > kMaxValueBytes) line += "...";
}

// Bytes outside of ASCII are taken for Latin-1, so that what is no UTF-8 still gives valid JSON.
void appendJsonText(std::string& line, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  line += '"';
  for (const char c : text.substr(0, kMaxValueBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (isPlain(byte)) {
      line += c;
    } else {
      line += "\\u00";
      line += kHex[byte >> 4];
      line += kHex[byte & 0xf];
    }
  }
  line += text.size() > kMaxValueBytes ? "...\"" : "\"";
}

void appendText(std::string& line, std::string_view text) {
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return isPlain(static_cast<unsigned char>(c)) && c != ' ' && c != '"' && c != '=' && c != '\\';
  });
  if (bare) return appendEscaped(line, text, false);
  line += '"';
  appendEscaped(line, text, true);
  line += '"';
}

template <typename Number>
void appendNumber(std::string& line, Number number) {
  std::array<char, 32> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  line.append(digits.data(), result.ptr);
}

void emit(Level level, std::string_view event, std::span<const Field> fields) {
  const Format format = currentFormat.load(std::memory_order_relaxed);
  const std::string line =
      format == Format::Json ? formatJson(level, event, fields) : formatLine(level, event, fields);
  detail::post(level, format, line);
}

}  // namespace

std::string_view levelName(Level level) noexcept {
  return kLevels[static_cast<std::size_t>(level)];
}

std::optional<Level> parseLevel(std::string_view name) noexcept {
  if (name == "warning") return Level::Warn;
  const auto* const found = std::find(kLevels.begin(), kLevels.end(), name);
  if (found == kLevels.end()) return std::nullopt;
  return static_cast<Level>(found - kLevels.begin());
}

void Value::appendTo(std::string& line) const {
  switch (kind_) {
    case Kind::Text: return appendText(line, text_);
    case Kind::Signed: return appendNumber(line, signed_);
    case Kind::Unsigned: return appendNumber(line, unsigned_);
    case Kind::Real: return appendNumber(line, real_);
    case Kind::Flag: line += unsigned_ != 0 ? "true" : "false"; return;
  }
}

void Value::appendJsonTo(std::string& line) const {
  if (kind_ == Kind::Text) return appendJsonText(line, text_);
  // JSON has no infinity.
  if (kind_ == Kind::Real && !std::isfinite(real_)) {
    line += "null";
    return;
  }
  appendTo(line);
}

void init(Level level, Format format) {
  setLevel(level);
  setFormat(format);
  detail::startWriter();
}

void setFormat(Format format) noexcept {
  currentFormat.store(format, std::memory_order_relaxed);
}

void setLevel(Level level) noexcept {
  detail::threshold.store(level, std::memory_order_relaxed);
}

void write(Level level, std::string_view event, Fields fields, Site site) {
  if (!enabled(level)) return;
  RateLimit& limit = detail::limitOf(site, level < Level::Info ? kDebugLinesPerSecond : kLinesPerSecond);
  write(limit, RateLimit::Clock::now(), level, event, fields);
}

void always(Level level, std::string_view event, Fields fields) {
  if (enabled(level)) emit(level, event, {fields.begin(), fields.size()});
}

bool flush(std::chrono::milliseconds atMost) {
  return detail::waitForWriter(atMost);
}

std::uint64_t lostLines() noexcept {
  return detail::lostLines();
}

void write(RateLimit& limit, RateLimit::Clock::time_point now, Level level, std::string_view event,
           Fields fields) {
  if (!enabled(level)) return;
  const auto suppressed = limit.admit(now);
  if (!suppressed) return;
  if (*suppressed == 0) return emit(level, event, {fields.begin(), fields.size()});
  std::vector<Field> extended(fields);
  extended.push_back({"suppressed", *suppressed});
  emit(level, event, extended);
}

std::string formatLine(Level level, std::string_view event, std::span<const Field> fields) {
  constexpr std::size_t kLevelWidth = 5;
  std::string line(levelName(level));
  line.resize(kLevelWidth, ' ');
  line += ' ';
  appendEscaped(line, event, false);
  std::string_view separator = "  ";
  for (const Field& field : fields) {
    line += separator;
    line += field.key;
    line += '=';
    field.value.appendTo(line);
    separator = " ";
  }
  return line;
}

std::string formatJson(Level level, std::string_view event, std::span<const Field> fields) {
  std::string line = "\"level\":";
  appendJsonText(line, levelName(level));
  line += ",\"event\":";
  appendJsonText(line, event);
  for (const Field& field : fields) {
    line += ',';
    appendJsonText(line, field.key);
    line += ':';
    field.value.appendJsonTo(line);
  }
  return line + '}';
}

}  // namespace slotless::log
