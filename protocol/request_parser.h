// Takes requests out of the bytes that a client sent: RESP multibulk and inline commands, incremental at
// every byte, binary-safe, with Redis 7's limits and error texts.
//
// Ownership: the parser owns no bytes. The caller keeps all bytes of the request that is being parsed in one
// contiguous buffer, and shows that buffer, from the request's first byte, at each call; it may grow and move
// between calls.
// Source: Redis 7.0 networking.c, processInlineBuffer() and processMultibulkBuffer().
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/argument_refs.h"
#include "protocol/argv.h"

namespace slotless::protocol {

struct RequestLimits {
  std::size_t maxBulkBytes = std::size_t{512} * 1024 * 1024;  // proto-max-bulk-len
  std::size_t maxInlineBytes = std::size_t{64} * 1024;  // also the longest "*<count>" or "$<length>" line
  std::size_t maxArguments = 2147483647;                // as Redis 7: INT_MAX
  // All bytes of one request; Redis: client-query-buffer-limit. Exceeding it is an error like the others.
  std::size_t maxRequestBytes = std::size_t{1024} * 1024 * 1024;
  // Before authentication Redis allows 10 arguments of 16,384 bytes each; here they are 20 KiB together.
  bool authenticated = true;
};

class RequestParser {
 public:
  enum class Status : std::uint8_t {
    Complete,    // argv() and size() describe one request
    Empty,       // an empty request (blank inline line, "*0", "*-1"): skip size() bytes, there is no reply
    NeedMore,    // call again with the same bytes and more behind them
    Unfinished,  // all of the request is there, and has many arguments: call again with the same bytes
    Error,       // error() is the text for the client; then the connection must be closed
  };

  // `bytes` begins at the first byte of the request. After Complete or Empty, parsing goes on with the next
  // request at bytes[size()], after a call of next().
  Status parse(std::string_view bytes, const RequestLimits& limits);

  // Valid after Complete, until next() or until the bytes move. For inline requests with quotes or escapes
  // the views point into storage of the parser.
  Argv argv() const noexcept { return argv_; }
  std::size_t size() const noexcept { return position_; }
  // True for an inline request, and for a multibulk one whose line ends are not all CRLF (Redis does not look
  // at those bytes): no part of its bytes must be forwarded as it is, write it anew with appendRequest().
  bool isInline() const noexcept { return inline_; }
  // After NeedMore: how many bytes, from the request's first, are certain to be needed (at least bytes.size()
  // + 1). Lets the caller make room for a large argument at once. Never trusts a length beyond `limits`.
  std::size_t bytesNeeded() const noexcept { return needed_; }
  // After Error: the whole error line without "-" and CRLF, such as "ERR Protocol error: invalid bulk
  // length".
  std::string_view error() const noexcept { return error_; }
  // True between requests: nothing has been seen of a next one.
  bool idle() const noexcept { return position_ == 0 && needed_ <= 1; }
  // Memory that it has beyond itself.
  std::size_t memoryBytes() const noexcept;
  // The part of it that is not allocated by new.
  std::size_t referenceBytes() const noexcept { return references_.capacity() * sizeof(ArgumentRef); }
  // The same, with the memory; then there are none.
  std::vector<std::string_view> takeArgv() noexcept { return std::exchange(argv_, {}); }
  // The request needs so much memory that it should be taken away before next(), by these and takeArgv().
  bool isHuge() const noexcept {
    return argv_.capacity() >= kHugeArguments || references_.capacity() >= kHugeArguments;
  }
  ArgumentRefs takeRefs() noexcept { return std::exchange(references_, {}); }
  // The request that was completed is to be asked for again, with the same bytes (as long as they do not
  // move): instead of next().
  void keep(std::string_view bytes) noexcept {
    kept_ = true;
    whole_ = false;
    viewed_ = bytes.data();
  }
  // Forgets the request that was completed. Gives unusually large memory back.
  void next() noexcept {
    if (!whole_) return forget();
    whole_ = false;
    position_ = 0;
    argv_.clear();
  }

 private:
  bool parseWhole(std::string_view bytes, const RequestLimits& limits);
  void forget() noexcept;
  static constexpr std::size_t kHugeArguments = 1'000'000;

  Status viewArguments(std::string_view bytes);
  Status parseMultibulk(std::string_view bytes, const RequestLimits& limits);
  Status parseCount(std::string_view bytes, const RequestLimits& limits);
  Status parseBulkLength(std::string_view bytes, const RequestLimits& limits);
  Status parseInline(std::string_view bytes, const RequestLimits& limits);
  Status findLineEnd(std::string_view bytes, const RequestLimits& limits, char mark, std::string_view tooBig,
                     std::size_t& markAt);
  bool splitInline(std::string_view line);
  Status needMore(std::size_t bytes) noexcept;
  Status fail(std::string_view text);

  // Kept small on purpose: there is one parser per client and most clients are idle.
  std::vector<std::string_view> argv_;
  // The arguments so far of a request that did not arrive whole: its bytes may still move.
  ArgumentRefs references_;
  const char* viewed_ = nullptr;  // where the bytes were that argv_ points to
  std::string unquoted_;          // inline arguments without their quotes, one behind the other
  std::string error_;
  std::size_t position_ = 0;  // behind the last argument or line that was understood
  std::size_t scanned_ = 0;   // no line end before this
  std::size_t needed_ = 0;
  std::int64_t argumentsLeft_ = -1;  // -1: the count is not known yet
  std::int64_t bulkLength_ = -1;     // of the argument at position_; -1: not known yet
  bool inline_ = false;
  bool kept_ = false;
  bool whole_ = false;  // nothing but argv_ and position_ is as it was not before
};

}  // namespace slotless::protocol
