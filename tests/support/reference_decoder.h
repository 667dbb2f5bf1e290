// A slow recursive RESP decoder to check the scanner against: written for clarity, looks at a whole prefix
// each time. It says what a prefix of a byte stream is: a complete reply, the possible beginning of one, or
// no RESP at all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace slotless::test {

class ReferenceDecoder {
 public:
  enum class Verdict { Complete, Partial, Invalid };
  struct Reply {
    Verdict verdict;
    std::size_t size;  // of the reply, if complete
    char type;         // 0 if the reply's own type byte is not there yet
  };

  // The reply at the beginning of `bytes`.
  static Reply decode(std::string_view bytes) {
    ReferenceDecoder decoder(bytes);
    const Verdict verdict = decoder.element(true);
    return {verdict, decoder.at_, decoder.type_};
  }

 private:
  static constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

  explicit ReferenceDecoder(std::string_view bytes) : bytes_(bytes) {}

  Verdict element(bool outermost) {
    if (at_ == bytes_.size()) return Verdict::Partial;
    const char type = bytes_[at_++];
    if (outermost && type != '|') type_ = type;
    switch (type) {
      case '+':
      case '-':
      case ',':
      case '(': return line();
      case '_': return literal("\r\n");
      case '#': return boolean();
      case ':': return number([](std::int64_t) { return Verdict::Complete; });
      case '$':
      case '!':
      case '=': return number([&](std::int64_t length) { return payload(type, length); });
      case '*':
      case '~':
      case '>':
      case '%':
      case '|': return number([&](std::int64_t count) { return aggregate(type, count, outermost); });
      default: return Verdict::Invalid;
    }
  }

  Verdict line() {
    const std::size_t end = bytes_.find("\r\n", at_);
    if (end == std::string_view::npos) return Verdict::Partial;
    at_ = end + 2;
    return Verdict::Complete;
  }

  Verdict literal(std::string_view expected) {
    const std::string_view found = bytes_.substr(at_, expected.size());
    if (found != expected.substr(0, found.size())) return Verdict::Invalid;
    if (found.size() < expected.size()) return Verdict::Partial;
    at_ += expected.size();
    return Verdict::Complete;
  }

  Verdict boolean() {
    const std::string_view rest = bytes_.substr(at_, 1);
    return literal(rest == "f" ? "f\r\n" : "t\r\n");
  }

  // What `text` can still become: a number, whole as it stands (`ended`), or the beginning of one.
  static bool isNumber(std::string_view text, bool ended) {
    std::string_view digits = text;
    if (!digits.empty() && digits.front() == '-') digits.remove_prefix(1);
    if (digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
    if (digits.size() > 19 || (digits.size() > 1 && digits.front() == '0')) return false;
    if (!ended) return true;
    if (digits.empty() || text == "-0") return false;
    if (digits.size() < 19) return true;
    return digits <= (digits.size() == text.size() ? "9223372036854775807" : "9223372036854775808");
  }

  template <typename Use>
  Verdict number(Use use) {
    const std::size_t end = bytes_.find('\r', at_);
    const bool ended = end != std::string_view::npos;
    const std::string_view text = bytes_.substr(at_, ended ? end - at_ : std::string_view::npos);
    if (!isNumber(text, ended)) return Verdict::Invalid;
    if (!ended) return Verdict::Partial;
    at_ = end;
    if (const Verdict verdict = literal("\r\n"); verdict != Verdict::Complete) return verdict;
    return use(static_cast<std::int64_t>(std::stoll(std::string(text))));
  }

  Verdict payload(char type, std::int64_t length) {
    if (type == '$' && length == -1) return Verdict::Complete;
    if (length < (type == '=' ? 4 : 0)) return Verdict::Invalid;
    const auto size = static_cast<std::size_t>(length);
    if (bytes_.size() - at_ < size) return Verdict::Partial;
    at_ += size;
    return literal("\r\n");
  }

  Verdict aggregate(char type, std::int64_t count, bool outermost) {
    if (type == '*' && count == -1) return Verdict::Complete;
    if (count < 0) return Verdict::Invalid;
    auto elements = static_cast<std::uint64_t>(count);
    if (type == '%' || type == '|') {
      if (elements > kMost / 2) return Verdict::Invalid;
      elements *= 2;
    }
    // More elements outstanding, over all levels, than a counter can hold is no reply but an attack.
    if (elements > kMost - outstanding_) return Verdict::Invalid;
    outstanding_ += elements;
    if (type != '|') --outstanding_;  // an attribute's element is the one that comes behind it
    for (std::uint64_t i = 0; i < elements; ++i) {
      if (const Verdict verdict = counted(); verdict != Verdict::Complete) return verdict;
    }
    if (type != '|') {
      ++outstanding_;  // taken off by whoever called
      return Verdict::Complete;
    }
    return element(outermost);
  }

  Verdict counted() {
    const Verdict verdict = element(false);
    if (verdict == Verdict::Complete) --outstanding_;
    return verdict;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::uint64_t outstanding_ = 1;
  char type_ = 0;
};

}  // namespace slotless::test
