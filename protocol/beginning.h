// A text that others are asked whether they begin with it: at one comparison where it is short, as prefixes
// of keys are.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace slotless::protocol {

class Beginning {
 public:
  Beginning() = default;
  explicit Beginning(std::string_view text) : text_(text) {
    if (text.size() > sizeof(word_)) return;
    unsigned char ones[sizeof(word_)] = {};
    std::memset(ones, 0xFF, text.size());
    std::memcpy(&mask_, ones, sizeof(mask_));
    std::memcpy(&word_, text.data(), text.size());
  }

  const std::string& text() const noexcept { return text_; }
  std::size_t size() const noexcept { return text_.size(); }
  bool of(std::string_view other) const noexcept {
    if (other.size() < sizeof(word_) || text_.size() > sizeof(word_)) return other.starts_with(text_);
    std::uint64_t begun = 0;
    std::memcpy(&begun, other.data(), sizeof(begun));
    return (begun & mask_) == word_;
  }

 private:
  std::string text_;
  // Of a text of up to eight bytes: these, and which of them count.
  std::uint64_t word_ = 0;
  std::uint64_t mask_ = 0;
};

}  // namespace slotless::protocol
