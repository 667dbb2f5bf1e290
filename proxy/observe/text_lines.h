// Writes the console's texts: lines of key=value pairs, or one "name:value" per line.
#pragma once
#include <string>
#include <string_view>
#include <type_traits>

namespace slotless::session {

class TextLines {
 public:
  TextLines& pair(std::string_view key, std::string_view value) {
    if (!text_.empty() && text_.back() != '\n') text_ += ' ';
    text_.append(key).append("=").append(value);
    return *this;
  }
  template <typename Number>
  requires std::is_arithmetic_v<Number> TextLines& pair(std::string_view key, Number value) {
    return pair(key, std::to_string(value));
  }
  void end() { text_ += '\n'; }

  void line(std::string_view name, std::string_view value) {
    text_.append(name).append(":").append(value).append("\n");
  }
  template <typename Number>
  requires std::is_arithmetic_v<Number>
  void line(std::string_view name, Number value) { line(name, std::to_string(value)); }

  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace slotless::session
