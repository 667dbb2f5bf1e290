#include "proxy/access/split_words.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace slotless::access {
namespace {

bool isSpace(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

std::optional<char> hexByteAt(std::string_view line, std::size_t at) {
  if (at + 4 > line.size() || line[at + 1] != 'x') return std::nullopt;
  unsigned value = 0;
  const char* const end = line.data() + at + 4;
  if (std::from_chars(line.data() + at + 2, end, value, 16).ptr != end) return std::nullopt;
  return static_cast<char>(value);
}

char unescaped(char c) {
  constexpr std::pair<char, char> kEscapes[] = {
      {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'b', '\b'}, {'a', '\a'}};
  const auto* const found = std::find_if(std::begin(kEscapes), std::end(kEscapes),
                                         [&](const auto& each) { return each.first == c; });
  return found == std::end(kEscapes) ? c : found->second;
}

// From behind the opening quote on; `at` is moved behind the closing one. False: there is none.
bool takeQuoted(std::string_view line, std::size_t& at, char quote, std::string& word) {
  while (at < line.size()) {
    if (line[at] == quote) {
      ++at;
      return at == line.size() || isSpace(line[at]);
    }
    const bool escape = line[at] == '\\' && at + 1 < line.size();
    if (const auto byte = quote == '"' && escape ? hexByteAt(line, at) : std::nullopt) {
      word += *byte;
      at += 4;
    } else if (escape && (quote == '"' || line[at + 1] == '\'')) {
      word += quote == '"' ? unescaped(line[at + 1]) : '\'';
      at += 2;
    } else {
      word += line[at++];
    }
  }
  return false;
}

}  // namespace

std::optional<std::vector<std::string>> splitWords(std::string_view line) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (true) {
    while (at < line.size() && isSpace(line[at])) ++at;
    if (at == line.size()) return words;
    std::string word;
    while (at < line.size() && !isSpace(line[at])) {
      const char c = line[at++];
      if (c != '"' && c != '\'') {
        word += c;
      } else if (!takeQuoted(line, at, c, word)) {
        return std::nullopt;
      }
    }
    words.push_back(std::move(word));
  }
}

}  // namespace slotless::access
