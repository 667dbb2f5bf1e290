// The inline part of RequestParser: a line as a person types it, with quotes and escapes.
// Source: behaviour of sdssplitargs() in Redis 7.0 sds.c. One difference: a NUL byte is a byte like any other
// (Redis stops reading at it, and waits for ever).
#include <optional>

#include "protocol/request_parser.h"

namespace slotless::protocol {
namespace {

// C's isspace() in the "C" locale.
bool isSpace(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// What ends an argument: fewer bytes than isSpace(), as in Redis.
bool endsArgument(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::optional<unsigned> hexDigit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

char escaped(char c) noexcept {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

// `rest` begins at the backslash; appends the byte it stands for and returns how many bytes it took.
std::size_t readEscape(std::string_view rest, std::string& out) {
  if (rest.size() >= 4 && rest[1] == 'x') {
    const auto high = hexDigit(rest[2]);
    const auto low = hexDigit(rest[3]);
    if (high && low) {
      out += static_cast<char>(static_cast<unsigned char>(*high * 16 + *low));
      return 4;
    }
  }
  out += escaped(rest[1]);
  return 2;
}

// `rest` begins behind the opening quote. Returns how many bytes it took up to and with the closing one,
// which must stand before a space or at the end; nothing if the quotes are unbalanced.
std::optional<std::size_t> readQuoted(std::string_view rest, char quote, std::string& out) {
  std::size_t i = 0;
  while (i < rest.size()) {
    const bool pair = rest[i] == '\\' && i + 1 < rest.size();
    if (quote == '"' && pair) {
      i += readEscape(rest.substr(i), out);
    } else if (quote == '\'' && pair && rest[i + 1] == '\'') {
      out += '\'';
      i += 2;
    } else if (rest[i] == quote) {
      if (i + 1 < rest.size() && !isSpace(rest[i + 1])) return std::nullopt;
      return i + 1;
    } else {
      out += rest[i++];
    }
  }
  return std::nullopt;
}

}  // namespace

bool RequestParser::splitInline(std::string_view line) {
  unquoted_.clear();
  std::size_t i = 0;
  while (true) {
    while (i < line.size() && isSpace(line[i])) ++i;
    if (i == line.size()) return true;
    const std::size_t from = i;
    while (i < line.size() && !endsArgument(line[i]) && line[i] != '"' && line[i] != '\'') ++i;
    std::string_view argument = line.substr(from, i - from);
    if (i < line.size() && !endsArgument(line[i])) {  // a quote, which ends the argument when it is closed
      unquoted_.reserve(line.size());  // never more bytes than the line has: the views of before stay valid
      const std::size_t start = unquoted_.size();
      unquoted_ += argument;
      const auto taken = readQuoted(line.substr(i + 1), line[i], unquoted_);
      if (!taken) return false;
      i += 1 + *taken;
      argument = std::string_view(unquoted_).substr(start);
    }
    argv_.push_back(argument);
  }
}

}  // namespace slotless::protocol
