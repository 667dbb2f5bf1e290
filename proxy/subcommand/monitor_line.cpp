#include "proxy/subcommand/monitor_line.h"

#include <charconv>
#include <utility>

namespace slotless::subcommand {

namespace {

std::optional<char> escaped(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'a': return '\a';
    case 'b': return '\b';
    case '"':
    case '\\': return c;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> quotedWord(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string word;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      word += text[i];
      continue;
    }
    ++i;
    unsigned char byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    if (text[i] == 'x' && digits.size() == 2 &&
        std::from_chars(digits.data(), digits.data() + 2, byte, 16).ptr == digits.data() + 2) {
      word += static_cast<char>(byte);
      i += 2;
    } else if (const auto plain = escaped(text[i])) {
      word += *plain;
    } else {
      return std::nullopt;
    }
  }
  if (i >= text.size()) return std::nullopt;
  text.remove_prefix(i + 1);
  return word;
}

// 1339518083.107412 [0 127.0.0.1:60866] "keys" "*"
std::optional<SeenCommand> parseMonitorLine(std::string_view line) {
  const std::size_t open = line.find(" [");
  const std::size_t close = line.find("] \"", open);
  if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  const std::string_view inside = line.substr(open + 2, close - open - 2);
  SeenCommand seen;
  const auto number = std::from_chars(inside.data(), inside.data() + inside.size(), seen.database);
  if (number.ec != std::errc{} || number.ptr == inside.data() + inside.size() || *number.ptr != ' ')
    return std::nullopt;
  seen.client = inside.substr(static_cast<std::size_t>(number.ptr - inside.data()) + 1);
  std::string_view rest = line.substr(close + 2);
  while (!rest.empty()) {
    auto word = quotedWord(rest);
    if (!word) return std::nullopt;
    seen.words.push_back(*std::move(word));
    if (rest.starts_with(' ')) rest.remove_prefix(1);
  }
  if (seen.words.empty()) return std::nullopt;
  return seen;
}

}  // namespace slotless::subcommand
