#include "proxy/telemetry/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

namespace slotless::log {
namespace {

struct LevelRow {
  std::string_view name;
  spdlog::level::level_enum spdlogLevel;
};

constexpr std::array<LevelRow, 5> kLevels = {{{"trace", spdlog::level::trace},
                                              {"debug", spdlog::level::debug},
                                              {"info", spdlog::level::info},
                                              {"warn", spdlog::level::warn},
                                              {"error", spdlog::level::err}}};

const LevelRow& rowOf(Level level) noexcept {
  return kLevels[static_cast<std::size_t>(level)];
}

struct FormatRow {
  const char* pattern;
  std::string (*format)(Level, std::string_view, std::span<const Field>);
};

constexpr std::array<FormatRow, 2> kFormats = {
    {{"%Y-%m-%dT%H:%M:%S.%eZ %v", formatLine}, {"{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v", formatJson}}};

std::atomic<Format> currentFormat{Format::Text};

// Not in spdlog's registry and never destroyed: threads may log while the process exits. One for each format,
// so that a line that another thread has begun in the old format also ends in it.
spdlog::logger& logger(Format format) {
  static const std::array<spdlog::logger*, kFormats.size()> kInstances = [] {
    std::array<spdlog::logger*, kFormats.size()> created{};
    for (std::size_t i = 0; i < created.size(); ++i) {
      created[i] = new spdlog::logger("slotless", std::make_shared<spdlog::sinks::stderr_sink_mt>());
      created[i]->set_formatter(
          std::make_unique<spdlog::pattern_formatter>(kFormats[i].pattern, spdlog::pattern_time_type::utc));
      created[i]->set_level(spdlog::level::trace);  // `threshold` has decided already
      created[i]->flush_on(spdlog::level::trace);
    }
    return created;
  }();
  return *kInstances[static_cast<std::size_t>(format)];
}

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
  const std::string line = kFormats[static_cast<std::size_t>(format)].format(level, event, fields);
  logger(format).log(rowOf(level).spdlogLevel, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

std::string_view levelName(Level level) noexcept {
  return rowOf(level).name;
}

std::optional<Level> parseLevel(std::string_view name) noexcept {
  if (name == "warning") return Level::Warn;
  const auto row =
      std::find_if(kLevels.begin(), kLevels.end(), [&](const LevelRow& r) { return r.name == name; });
  if (row == kLevels.end()) return std::nullopt;
  return static_cast<Level>(row - kLevels.begin());
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
  logger(format);
}

void setFormat(Format format) noexcept {
  currentFormat.store(format, std::memory_order_relaxed);
}

void setLevel(Level level) noexcept {
  detail::threshold.store(level, std::memory_order_relaxed);
}

void write(Level level, std::string_view event, Fields fields) {
  if (enabled(level)) emit(level, event, {fields.begin(), fields.size()});
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
