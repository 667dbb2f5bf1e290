#include "protocol/reply_scanner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "protocol/strict_integer.h"

namespace slotless::protocol {
namespace {

enum class Kind : std::uint8_t { Invalid, Line, Null, Boolean, Integer, Bulk, Aggregate };

constexpr std::array<Kind, 256> makeKinds() {
  std::array<Kind, 256> kinds{};
  for (const char c : {'+', '-', ',', '('}) kinds[static_cast<unsigned char>(c)] = Kind::Line;
  for (const char c : {'$', '!', '='}) kinds[static_cast<unsigned char>(c)] = Kind::Bulk;
  for (const char c : {'*', '%', '~', '>', '|'}) kinds[static_cast<unsigned char>(c)] = Kind::Aggregate;
  kinds['_'] = Kind::Null;
  kinds['#'] = Kind::Boolean;
  kinds[':'] = Kind::Integer;
  return kinds;
}

constexpr std::array<Kind, 256> kKinds = makeKinds();

Kind kindOf(char type) noexcept {
  return kKinds[static_cast<unsigned char>(type)];
}

constexpr std::uint64_t kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
constexpr std::uint8_t kMostDigits = 19;
constexpr std::uint64_t kShortestVerbatim = 4;  // "txt:"

}  // namespace

ReplyScanner::Result ReplyScanner::scan(std::string_view chunk) noexcept {
  const char* const begin = chunk.data();
  const char* const end = begin + chunk.size();
  const char* p = begin;
  while (p != end && remaining_ != 0 && state_ != State::Failed) {
    if (state_ == State::Start) {
      if (const char* const next = wholeElement(p, end); next != nullptr) {
        p = next;
        continue;
      }
    }
    p = element(p, end);
  }
  const auto consumed = static_cast<std::size_t>(p - begin);
  if (state_ == State::Failed) return {Status::Error, consumed};
  return {remaining_ == 0 ? Status::Complete : Status::NeedMore, consumed};
}

// The way of nearly all elements: a valid one that lies before `end` as a whole, or whose payload can be
// skipped. Returns nullptr, having changed nothing, if it is anything else; then element() takes it byte by
// byte.
const char* ReplyScanner::wholeElement(const char* p, const char* end) noexcept {
  const char type = *p;
  const Kind kind = kindOf(type);
  const char* next = nullptr;
  std::uint64_t value = 0;
  switch (kind) {
    case Kind::Line:
      if (end - p >= 5 && std::memcmp(p, "+OK\r\n", 5) == 0) {
        next = p + 5;
      } else {
        const void* const hit = std::memchr(p, '\r', static_cast<std::size_t>(end - p));
        if (hit == nullptr) return nullptr;
        next = static_cast<const char*>(hit) + 2;
        if (next > end || next[-1] != '\n') return nullptr;
      }
      break;
    case Kind::Integer:
      next = readCanonicalLength(p + 1, end, value);
      if (next == nullptr) return nullptr;
      break;
    case Kind::Bulk: {
      if (end - p >= 5 && std::memcmp(p, "$-1\r\n", 5) == 0) {
        next = p + 5;
        break;
      }
      next = readCanonicalLength(p + 1, end, value);
      if (next == nullptr || (type == '=' && value < kShortestVerbatim)) return nullptr;
      const auto present = static_cast<std::uint64_t>(end - next);
      if (present >= value + 2) {
        next += value;
        if (next[0] != '\r' || next[1] != '\n') return nullptr;
        next += 2;
      } else if (present >= value) {
        return nullptr;  // its CRLF is cut off
      } else {
        length_ = value - present;
        state_ = State::Payload;
        next = end;
      }
      break;
    }
    case Kind::Aggregate:
      next = readCanonicalLength(p + 1, end, value);
      if (next == nullptr) return nullptr;
      break;
    default: return nullptr;
  }
  begun_ = true;
  if (type_ == 0 && remaining_ == 1 && type != '|') type_ = type;
  if (state_ != State::Start) return next;
  if (kind != Kind::Aggregate) {
    --remaining_;
    return next;
  }
  elementType_ = type;
  if (!elementsKnown(value)) state_ = State::Failed;
  return next;
}

// Takes one step of the current element and returns the first byte that it did not take.
const char* ReplyScanner::element(const char* p, const char* end) noexcept {
  switch (state_) {
    case State::Start: return start(p);
    case State::Line: return line(p, end);
    case State::LineEnd:
      if (*p == '\n') {
        elementDone();
      } else if (*p != '\r') {
        state_ = State::Line;  // that CR was part of the line
      }
      return p + 1;
    case State::Number: return number(p, end);
    case State::NumberEnd:
      if (*p != '\n' || !numberDone()) state_ = State::Failed;
      return p + 1;
    case State::Boolean: state_ = *p == 't' || *p == 'f' ? State::Return : State::Failed; return p + 1;
    case State::Payload: return payload(p, end);
    case State::Return: state_ = *p == '\r' ? State::Newline : State::Failed; return p + 1;
    case State::Newline:
      if (*p == '\n') {
        elementDone();
      } else {
        state_ = State::Failed;
      }
      return p + 1;
    case State::Failed: break;
  }
  return p;
}

const char* ReplyScanner::start(const char* p) noexcept {
  const char type = *p;
  begun_ = true;
  // Only the reply itself begins while one element is to come: an attribute's elements come on top of it.
  if (type_ == 0 && remaining_ == 1 && type != '|') type_ = type;
  elementType_ = type;
  switch (kindOf(type)) {
    case Kind::Invalid: state_ = State::Failed; break;
    case Kind::Line: state_ = State::Line; break;
    case Kind::Null: state_ = State::Return; break;
    case Kind::Boolean: state_ = State::Boolean; break;
    default:
      state_ = State::Number;
      length_ = 0;
      digits_ = 0;
      negative_ = false;
      break;
  }
  return p + 1;
}

const char* ReplyScanner::line(const char* p, const char* end) noexcept {
  const void* const hit = std::memchr(p, '\r', static_cast<std::size_t>(end - p));
  if (hit == nullptr) return end;
  state_ = State::LineEnd;
  return static_cast<const char*>(hit) + 1;
}

const char* ReplyScanner::number(const char* p, const char* end) noexcept {
  if (digits_ == 0 && !negative_ && *p == '-') {
    negative_ = true;
    return p + 1;
  }
  for (; p != end; ++p) {
    const std::uint64_t digit = static_cast<unsigned char>(*p) - std::uint64_t{'0'};
    if (digit > 9) break;
    const bool leadingZero = digits_ == 1 && length_ == 0;
    if (digits_ == kMostDigits || leadingZero) {
      state_ = State::Failed;
      return p + 1;
    }
    length_ = length_ * 10 + digit;
    ++digits_;
  }
  if (p == end) return p;
  const bool minusZero = negative_ && length_ == 0;
  const bool inRange = length_ <= kMost + (negative_ ? 1 : 0);
  state_ = *p == '\r' && digits_ > 0 && !minusZero && inRange ? State::NumberEnd : State::Failed;
  return p + 1;
}

const char* ReplyScanner::payload(const char* p, const char* end) noexcept {
  const std::uint64_t taken = std::min(length_, static_cast<std::uint64_t>(end - p));
  length_ -= taken;
  if (length_ == 0) state_ = State::Return;
  return p + taken;
}

// False if the number cannot stand where it stands.
bool ReplyScanner::numberDone() noexcept {
  if (elementType_ == ':') {
    elementDone();
    return true;
  }
  if (negative_) {  // RESP2's nulls
    if (length_ != 1 || (elementType_ != '$' && elementType_ != '*')) return false;
    elementDone();
    return true;
  }
  return kindOf(elementType_) == Kind::Bulk ? lengthKnown(length_) : elementsKnown(length_);
}

bool ReplyScanner::lengthKnown(std::uint64_t length) noexcept {
  if (elementType_ == '=' && length < kShortestVerbatim) return false;
  state_ = length == 0 ? State::Return : State::Payload;
  return true;
}

bool ReplyScanner::elementsKnown(std::uint64_t count) noexcept {
  const bool pairs = elementType_ == '%' || elementType_ == '|';
  if (pairs && count > kMost / 2) return false;
  const std::uint64_t elements = pairs ? count * 2 : count;
  if (elements > kMost - remaining_) return false;
  remaining_ += elements;
  if (elementType_ == '|') {
    state_ = State::Start;  // an attribute is no element itself: what it belongs to comes behind it
  } else {
    elementDone();
  }
  return true;
}

void ReplyScanner::elementDone() noexcept {
  --remaining_;
  state_ = State::Start;
}

}  // namespace slotless::protocol
