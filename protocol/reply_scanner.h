// Finds where a reply ends, RESP2 and RESP3, fed in chunks of any size; builds no tree and keeps no bytes.
//
// Errors: bytes that are no RESP give Status::Error, after which the connection's position is lost and it
// must be closed. Lengths and integers are read strictly. RESP3's streamed types ("$?", "*?" ...) are errors:
// no server writes them. What a line holds ("+", "-", ",", "(") is the client's business: it ends at the
// first CRLF. Source: RESP specification (redis.io/docs/reference/protocol-spec), as written by Redis 7 and
// Valkey 8.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slotless::protocol {

class ReplyScanner {
 public:
  enum class Status : std::uint8_t { NeedMore, Complete, Error };
  struct Result {
    Status status;
    std::size_t consumed;  // bytes of the chunk that belong to this reply
  };

  // Takes the next bytes of the current reply. On NeedMore all of `chunk` has been consumed. On Complete,
  // call reset() before the next reply.
  Result scan(std::string_view chunk) noexcept;

  // The type byte of the reply itself ('+', '-', '$', '*', '>' …; attributes '|' in front are part of the
  // reply but not its type), 0 until it has been seen.
  char type() const noexcept { return type_; }
  bool isPush() const noexcept { return type_ == '>'; }
  bool isError() const noexcept { return type_ == '-' || type_ == '!'; }
  // True before the first byte of a reply.
  bool idle() const noexcept { return !begun_; }
  // Bytes of the string under way that are still to come; 0: none is.
  std::uint64_t payloadLeft() const noexcept { return state_ == State::Payload ? length_ : 0; }
  void reset() noexcept { *this = ReplyScanner{}; }

 private:
  enum class State : std::uint8_t {
    Start,      // a type byte comes
    Line,       // bytes up to CRLF
    LineEnd,    // the LF, if that CR ended the line
    Number,     // digits up to CRLF
    NumberEnd,  // its LF
    Boolean,    // 't' or 'f'
    Payload,    // length_ bytes
    Return,     // the CR behind a payload, a boolean or a null
    Newline,    // its LF
    Failed,
  };

  const char* element(const char* p, const char* end) noexcept;
  const char* wholeElement(const char* p, const char* end) noexcept;
  const char* start(const char* p) noexcept;
  const char* line(const char* p, const char* end) noexcept;
  const char* number(const char* p, const char* end) noexcept;
  const char* payload(const char* p, const char* end) noexcept;
  bool numberDone() noexcept;
  bool lengthKnown(std::uint64_t length) noexcept;
  bool elementsKnown(std::uint64_t count) noexcept;
  void elementDone() noexcept;

  // A counter is enough for nesting: an aggregate of n elements adds n to what is still to come.
  std::uint64_t remaining_ = 1;
  std::uint64_t length_ = 0;  // of the payload still to come, or the number read so far
  State state_ = State::Start;
  char type_ = 0;
  char elementType_ = 0;
  std::uint8_t digits_ = 0;  // of the number, so far
  bool negative_ = false;    // the number's sign
  bool begun_ = false;
};

}  // namespace slotless::protocol
