#include "protocol/request_parser.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "protocol/strict_integer.h"

namespace slotless::protocol {
namespace {

constexpr std::string_view kTooBigCount = "too big mbulk count string";
constexpr std::string_view kTooBigLength = "too big bulk count string";
constexpr std::string_view kTooBigInline = "too big inline request";
constexpr std::string_view kTooLarge = "request exceeds client-query-buffer-limit";
constexpr std::string_view kTooLargeUnauthenticated = "unauthenticated request too large";

constexpr std::uint64_t kMostArgumentsUnauthenticated = 10;
constexpr std::uint64_t kLongestBulkUnauthenticated = 16384;
// One argument that is as long as can be, and what stands around it; nobody's user and password take more.
constexpr std::size_t kMostBytesUnauthenticated = std::size_t{20} * 1024;
constexpr std::size_t kCrlfBytes = 2;
constexpr std::size_t kLongestCanonicalLine = 11;  // '*' or '$' and what readCanonicalLength() takes
constexpr std::size_t kShortestArgumentBytes = 6;  // "$0" CRLF CRLF
// What next() keeps: an idle client must not hold what one large request of it once needed.
constexpr std::size_t kKeptArguments = 64;
constexpr std::size_t kViewsAtOnce =
    8192;  // a few ms where each fresh page costs 20 µs, as in some virtual machines
constexpr std::size_t kKeptReferences = 16;
constexpr std::size_t kKeptUnquotedBytes = 256;

std::size_t saturatingSum(std::size_t a, std::size_t b) noexcept {
  return a > std::numeric_limits<std::size_t>::max() - b ? std::numeric_limits<std::size_t>::max() : a + b;
}

std::uint64_t mostArguments(const RequestLimits& limits) noexcept {
  const std::uint64_t most = limits.maxArguments;
  return limits.authenticated ? most : std::min(most, kMostArgumentsUnauthenticated);
}

std::uint64_t longestBulk(const RequestLimits& limits) noexcept {
  const std::uint64_t longest = limits.maxBulkBytes;
  return limits.authenticated ? longest : std::min(longest, kLongestBulkUnauthenticated);
}

std::size_t mostBytes(const RequestLimits& limits) noexcept {
  const std::size_t most = limits.maxRequestBytes;
  return limits.authenticated ? most : std::min(most, kMostBytesUnauthenticated);
}

std::string_view tooLarge(const RequestLimits& limits) noexcept {
  return mostBytes(limits) == limits.maxRequestBytes ? kTooLarge : kTooLargeUnauthenticated;
}

template <typename Vector>
void clearKeeping(Vector& vector, std::size_t kept) noexcept {
  if (vector.capacity() > kept) {
    Vector{}.swap(vector);
  } else {
    vector.clear();
  }
}

}  // namespace

RequestParser::Status RequestParser::parse(std::string_view bytes, const RequestLimits& limits) {
  if (position_ == 0) {
    if (bytes.empty()) return needMore(1);
    if (bytes.front() != '*') return parseInline(bytes, limits);
    if (parseWhole(bytes, limits)) {
      whole_ = needed_ == 0 && argv_.capacity() <= kKeptArguments;
      return Status::Complete;
    }
  } else if (kept_) {
    if (viewed_ == bytes.data()) return Status::Complete;
    next();
    return parse(bytes, limits);
  }
  return parseMultibulk(bytes, limits);
}

// The way of nearly all requests: all bytes are there and nothing is unusual. Straight into argv_, one pass.
// At anything else it stops behind the last argument it understood and leaves the rest, errors too, to
// parseMultibulk().
bool RequestParser::parseWhole(std::string_view bytes, const RequestLimits& limits) {
  const char* const begin = bytes.data();
  const char* const end = begin + std::min(bytes.size(), mostBytes(limits));
  if (begin == end || limits.maxInlineBytes < kLongestCanonicalLine) return false;
  std::uint64_t left = 0;
  const char* p = readCanonicalLength(begin + 1, end, left);
  if (p == nullptr || left == 0 || left > mostArguments(limits)) return false;

  const std::uint64_t longest = longestBulk(limits);
  const auto mostPresent = static_cast<std::size_t>(end - p) / kShortestArgumentBytes;
  argv_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, mostPresent)));
  std::string_view* const arguments = argv_.data();
  std::size_t count = 0;
  for (; left > 0; --left, ++count) {
    if (p == end || *p != '$') break;
    std::uint64_t length = 0;
    const char* const argument = readCanonicalLength(p + 1, end, length);
    if (argument == nullptr || length > longest) break;
    if (static_cast<std::uint64_t>(end - argument) < length + kCrlfBytes) break;
    if (argument[length] != '\r' || argument[length + 1] != '\n') break;
    arguments[count] = std::string_view(argument, static_cast<std::size_t>(length));
    p = argument + length + kCrlfBytes;
  }
  position_ = static_cast<std::size_t>(p - begin);
  if (left == 0) return true;

  argv_.resize(count);
  argumentsLeft_ = static_cast<std::int64_t>(left);
  references_.reserve(argv_.size());
  for (const std::string_view argument : argv_) {
    references_.add({static_cast<std::size_t>(argument.data() - begin), argument.size()});
  }
  argv_.clear();
  return false;
}

RequestParser::Status RequestParser::parseMultibulk(std::string_view bytes, const RequestLimits& limits) {
  if (argumentsLeft_ < 0) {
    const Status status = parseCount(bytes, limits);
    if (status != Status::Complete) return status;
  }
  while (argumentsLeft_ > 0) {
    if (bulkLength_ < 0) {
      const Status status = parseBulkLength(bytes, limits);
      if (status != Status::Complete) return status;
    }
    const auto length = static_cast<std::size_t>(bulkLength_);
    const std::size_t end = position_ + length + kCrlfBytes;
    if (bytes.size() < end) return needMore(end);
    if (bytes.substr(end - kCrlfBytes, kCrlfBytes) != "\r\n") inline_ = true;
    references_.add({position_, length});
    position_ = end;
    bulkLength_ = -1;
    --argumentsLeft_;
  }
  return viewArguments(bytes);
}

// In pieces: an argument is only six bytes to a client, and there may be many millions.
RequestParser::Status RequestParser::viewArguments(std::string_view bytes) {
  if (viewed_ != bytes.data()) argv_.clear();
  viewed_ = bytes.data();
  if (argv_.empty()) argv_.reserve(references_.size());
  const std::size_t end = std::min(references_.size(), argv_.size() + kViewsAtOnce);
  for (std::size_t i = argv_.size(); i < end; ++i) {
    argv_.push_back(bytes.substr(references_[i].offset, references_[i].length));
  }
  return end < references_.size() ? Status::Unfinished : Status::Complete;
}

// Complete means that argumentsLeft_ is known and not zero.
RequestParser::Status RequestParser::parseCount(std::string_view bytes, const RequestLimits& limits) {
  std::size_t carriageReturn = 0;
  const Status status = findLineEnd(bytes, limits, '\r', kTooBigCount, carriageReturn);
  if (status != Status::Complete) return status;
  const auto count = strictInteger(bytes.substr(1, carriageReturn - 1));
  if (!count || (*count > 0 && static_cast<std::uint64_t>(*count) > limits.maxArguments)) {
    return fail("invalid multibulk length");
  }
  if (*count > 0 && static_cast<std::uint64_t>(*count) > mostArguments(limits)) {
    return fail("unauthenticated multibulk length");
  }
  position_ = carriageReturn + kCrlfBytes;
  if (*count <= 0) return Status::Empty;
  argumentsLeft_ = *count;
  return Status::Complete;
}

// Complete means that bulkLength_ is known and the argument fits into the limits.
RequestParser::Status RequestParser::parseBulkLength(std::string_view bytes, const RequestLimits& limits) {
  std::size_t carriageReturn = 0;
  const Status status = findLineEnd(bytes, limits, '\r', kTooBigLength, carriageReturn);
  if (status != Status::Complete) return status;
  if (const char first = bytes[position_]; first != '$') {
    const char shown = first == '\r' || first == '\n' ? ' ' : first;
    return fail(std::string("expected '$', got '") + shown + "'");
  }
  const auto length = strictInteger(bytes.substr(position_ + 1, carriageReturn - position_ - 1));
  if (!length || *length < 0 || static_cast<std::uint64_t>(*length) > limits.maxBulkBytes) {
    return fail("invalid bulk length");
  }
  if (static_cast<std::uint64_t>(*length) > longestBulk(limits)) return fail("unauthenticated bulk length");
  const std::size_t start = carriageReturn + kCrlfBytes;
  const std::size_t end = saturatingSum(start, static_cast<std::size_t>(*length) + kCrlfBytes);
  if (end > mostBytes(limits)) return fail(tooLarge(limits));
  position_ = start;
  bulkLength_ = *length;
  return Status::Complete;
}

// Finds the `mark` ('\r' or '\n') that ends the line at position_. All limits are applied to positions, not
// to what happens to have arrived: the result must not depend on how the bytes were cut into reads.
RequestParser::Status RequestParser::findLineEnd(std::string_view bytes, const RequestLimits& limits,
                                                 char mark, std::string_view tooBig, std::size_t& markAt) {
  const std::size_t lastPlace = saturatingSum(position_, limits.maxInlineBytes);
  const std::size_t from = std::max(position_, scanned_);
  const std::size_t to = std::min(bytes.size(), saturatingSum(lastPlace, 1));
  const void* const hit = from < to ? std::memchr(bytes.data() + from, mark, to - from) : nullptr;
  if (hit == nullptr) {
    scanned_ = std::max(from, to);
    if (bytes.size() > lastPlace && lastPlace <= mostBytes(limits)) return fail(tooBig);
    if (bytes.size() > mostBytes(limits)) return fail(tooLarge(limits));
    return needMore(bytes.size() + 1);
  }
  markAt = static_cast<std::size_t>(static_cast<const char*>(hit) - bytes.data());
  const std::size_t end = markAt + (mark == '\r' ? kCrlfBytes : 1);
  if (end > mostBytes(limits)) return fail(tooLarge(limits));
  if (end > bytes.size()) {
    scanned_ = markAt;
    return needMore(end);
  }
  // Redis takes any byte for the LF behind a CR. So do we, but no other server shall have to.
  if (bytes[end - 1] != '\n') inline_ = true;
  return Status::Complete;
}

RequestParser::Status RequestParser::parseInline(std::string_view bytes, const RequestLimits& limits) {
  std::size_t newline = 0;
  const Status status = findLineEnd(bytes, limits, '\n', kTooBigInline, newline);
  if (status != Status::Complete) return status;
  std::string_view line = bytes.substr(0, newline);
  if (line.ends_with('\r')) line.remove_suffix(1);
  inline_ = true;
  argv_.clear();
  if (!splitInline(line)) return fail("unbalanced quotes in request");
  position_ = newline + 1;
  return argv_.empty() ? Status::Empty : Status::Complete;
}

RequestParser::Status RequestParser::needMore(std::size_t bytes) noexcept {
  needed_ = bytes;
  return Status::NeedMore;
}

RequestParser::Status RequestParser::fail(std::string_view text) {
  error_ = "ERR Protocol error: ";
  error_ += text;
  return Status::Error;
}

std::size_t RequestParser::memoryBytes() const noexcept {
  return argv_.capacity() * sizeof(std::string_view) + referenceBytes() + unquoted_.capacity() +
         error_.capacity();
}

void RequestParser::forget() noexcept {
  clearKeeping(argv_, kKeptArguments);
  references_.clearKeeping(kKeptReferences);
  clearKeeping(unquoted_, kKeptUnquotedBytes);
  position_ = 0;
  scanned_ = 0;
  needed_ = 0;
  argumentsLeft_ = -1;
  bulkLength_ = -1;
  viewed_ = nullptr;
  inline_ = false;
  kept_ = false;
  whole_ = false;
}

}  // namespace slotless::protocol
