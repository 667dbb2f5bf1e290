#include "resp_text.h"

#include <sstream>
#include <stdexcept>

namespace slotless::test {

namespace {

// "<mark><number>\r\n" at `position`, which then stands behind it.
std::optional<std::size_t> takeNumber(const std::string& bytes, char mark, std::size_t& position) {
  const std::size_t end = bytes.find("\r\n", position);
  if (position < bytes.size() && bytes[position] != mark) {
    throw std::runtime_error("not a request: " + bytes.substr(0, 100));
  }
  if (end == std::string::npos) return std::nullopt;
  const std::size_t number = std::stoul(bytes.substr(position + 1, end - position - 1));
  position = end + 2;
  return number;
}

}  // namespace

Words wordsOf(std::string_view text) {
  std::istringstream stream{std::string(text)};
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string textOf(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 500;
  if (text.size() <= kMost) return std::string(text);
  return std::string(text.substr(0, kMost)) + "... (" + std::to_string(text.size()) + " bytes)";
}

std::string bulk(std::string_view bytes) {
  return "$" + std::to_string(bytes.size()) + "\r\n" + std::string(bytes) + "\r\n";
}

std::string request(const Words& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) bytes += bulk(word);
  return bytes;
}

std::string request(std::string_view text) {
  return request(wordsOf(text));
}

std::optional<Words> takeRequest(std::string& bytes) {
  std::size_t position = 0;
  const auto count = takeNumber(bytes, '*', position);
  if (!count) return std::nullopt;
  Words words;
  for (std::size_t i = 0; i < *count; ++i) {
    const auto length = takeNumber(bytes, '$', position);
    if (!length || bytes.size() - position < *length + 2) return std::nullopt;
    words.push_back(bytes.substr(position, *length));
    position += *length + 2;
  }
  bytes.erase(0, position);
  return words;
}

}  // namespace slotless::test
