#include "config/program_words.h"

#include <algorithm>
#include <utility>

namespace slotless::config {

namespace {

bool isBlank(char c) {
  return c == ' ' || c == '\t';
}

bool needsQuotes(std::string_view word) {
  return word.empty() || std::any_of(word.begin(), word.end(), [](char c) { return isBlank(c) || c == '"'; });
}

}  // namespace

Parsed<std::vector<std::string>> parseProgramWords(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool inWord = false;
  bool inQuotes = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' || c == '\r') return {{}, "it has more than one line"};
    if (static_cast<unsigned char>(c) < ' ' && c != '\t') return {{}, "it has a control character"};
    if (c == '"') {
      inQuotes = !inQuotes;
      inWord = true;
    } else if (inQuotes && c == '\\' && i + 1 < text.size()) {
      word += text[++i];
    } else if (!inQuotes && isBlank(c)) {
      if (std::exchange(inWord, false)) words.push_back(std::exchange(word, {}));
    } else {
      word += c;
      inWord = true;
    }
  }
  if (inQuotes) return {{}, "a quote is not closed"};
  if (inWord) words.push_back(std::move(word));
  if (!words.empty() && words.front().empty()) return {{}, "the program has no name"};
  return {std::move(words), ""};
}

std::string formatProgramWords(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    if (!needsQuotes(word)) {
      text += word;
      continue;
    }
    text += '"';
    for (const char c : word) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text;
}

}  // namespace slotless::config
