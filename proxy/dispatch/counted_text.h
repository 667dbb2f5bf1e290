// A text whose size is part of a worker's account of memory: parts of replies that wait to be merged.
//
// Ownership: the account outlives the text.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace slotless::session {

class CountedText {
 public:
  void countIn(std::size_t& account) noexcept { account_ = &account; }
  void append(std::string_view bytes) {
    text_.append(bytes);
    *account_ += bytes.size();
  }
  void assign(std::string_view bytes) {
    clear();
    append(bytes);
  }
  void clear() noexcept {
    *account_ -= text_.size();
    text_.clear();
  }
  // Gives back memory beyond `keepBytes`, too.
  void reset(std::size_t keepBytes) {
    clear();
    if (text_.capacity() > keepBytes) text_ = std::string();
  }
  std::string_view view() const noexcept { return text_; }
  std::size_t size() const noexcept { return text_.size(); }

 private:
  std::string text_;
  std::size_t* account_ = nullptr;
};

}  // namespace slotless::session
