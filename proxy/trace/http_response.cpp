#include "proxy/trace/http_response.h"

#include <algorithm>
#include <charconv>

#include "protocol/ascii.h"

namespace slotless::trace {

using protocol::equalsIgnoringCase;

namespace {

constexpr std::string_view kVersion = "HTTP/1.";
constexpr int kContinue = 100;
constexpr int kOk = 200;
constexpr int kNoContent = 204;
constexpr int kNotModified = 304;
constexpr std::size_t kStatusAt = 9;  // HTTP/1.1 200
constexpr std::size_t kStatusDigits = 3;

std::string_view withoutBlanks(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  const auto end = text.find_last_not_of(" \t");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

template <typename Number>
std::optional<Number> numberOf(std::string_view text, int base = 10) {
  Number number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

// In a list separated by commas.
bool hasWord(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (equalsIgnoringCase(withoutBlanks(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

HttpResponse::State HttpResponse::feed(std::string_view bytes) {
  if (bytes.empty() || state_ == State::Wrong) return state_;
  begun_ = true;
  input_ += bytes;
  while (state_ == State::Reading && goOn()) {
  }
  if (state_ == State::Complete && !input_.empty()) state_ = State::Wrong;
  return state_;
}

HttpResponse::State HttpResponse::end() {
  if (state_ == State::Reading) state_ = part_ == Part::ToEnd ? State::Complete : State::Wrong;
  keeps_ = false;
  return state_;
}

bool HttpResponse::goOn() {
  std::string line;
  switch (part_) {
    case Part::Head: return takeHead();
    case Part::Sized: return takeBody(Part::Sized);
    case Part::ToEnd: left_ = input_.size(); return takeBody(Part::ToEnd);
    case Part::ChunkSize: return takeChunkSize();
    case Part::Chunk: return takeBody(Part::ChunkEnd);
    case Part::ChunkEnd:
      if (!takeLine(line)) return false;
      if (!line.empty()) return fail();
      part_ = Part::ChunkSize;
      return true;
    case Part::Trailer:
      if (!takeLine(line)) return false;
      return line.empty() ? complete() : true;
  }
  return false;
}

// False: it is not there yet, or there is too much of it.
bool HttpResponse::takeLine(std::string& line) {
  const auto end = input_.find('\n');
  const std::size_t bytes = end == std::string::npos ? input_.size() : end + 1;
  if (headBytes_ + bytes > kMostHeadBytes) return fail();
  if (end == std::string::npos) return false;
  headBytes_ += bytes;
  line.assign(input_, 0, end > 0 && input_[end - 1] == '\r' ? end - 1 : end);
  input_.erase(0, bytes);
  return true;
}

bool HttpResponse::takeHead() {
  std::string line;
  if (!takeLine(line)) return false;
  if (!hasStatus_) return readStatus(line) ? true : fail();
  if (!line.empty()) return readHeader(line) ? true : fail();
  if (status_ >= kContinue && status_ < kOk) {  // the one that counts follows
    hasStatus_ = false;
    return true;
  }
  beginBody();
  return true;
}

bool HttpResponse::readStatus(std::string_view line) {
  if (!line.starts_with(kVersion) || line.size() < kStatusAt + kStatusDigits || line[kStatusAt - 1] != ' ')
    return false;
  const auto status = numberOf<int>(line.substr(kStatusAt, kStatusDigits));
  if (!status || *status < kContinue ||
      (line.size() > kStatusAt + kStatusDigits && line[kStatusAt + kStatusDigits] != ' '))
    return false;
  hasStatus_ = true;
  status_ = *status;
  keeps_ = line[kVersion.size()] != '0';
  return true;
}

bool HttpResponse::readHeader(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = withoutBlanks(line.substr(colon + 1));
  if (equalsIgnoringCase(name, "content-length")) {
    const auto length = numberOf<std::size_t>(value);
    if (!length || (length_ && *length_ != *length)) return false;
    length_ = length;
  } else if (equalsIgnoringCase(name, "transfer-encoding")) {
    if (!equalsIgnoringCase(value, "chunked")) return false;
    chunked_ = true;
  } else if (equalsIgnoringCase(name, "connection")) {
    if (hasWord(value, "close")) keeps_ = false;
    if (hasWord(value, "keep-alive")) keeps_ = true;
  } else if (equalsIgnoringCase(name, "retry-after")) {
    if (const auto seconds = numberOf<std::uint32_t>(value)) retryAfter_ = std::chrono::seconds(*seconds);
  }
  return true;
}

void HttpResponse::beginBody() {
  if (status_ == kNoContent || status_ == kNotModified) {
    complete();
  } else if (chunked_) {
    part_ = Part::ChunkSize;
  } else if (!length_) {
    part_ = Part::ToEnd;
    keeps_ = false;
  } else if (*length_ == 0) {
    complete();
  } else {
    left_ = *length_;
    part_ = Part::Sized;
  }
}

bool HttpResponse::takeChunkSize() {
  std::string line;
  if (!takeLine(line)) return false;
  const std::string_view size = withoutBlanks(std::string_view(line).substr(0, line.find(';')));
  const auto bytes = numberOf<std::size_t>(size, 16);
  if (!bytes) return fail();
  left_ = *bytes;
  part_ = left_ == 0 ? Part::Trailer : Part::Chunk;
  return true;
}

// `next`: behind it.
bool HttpResponse::takeBody(Part next) {
  const std::size_t bytes = std::min(left_, input_.size());
  if (bytes == 0) return false;
  if (left_ > kMostBodyBytes || body_.size() + bytes > kMostBodyBytes) return fail();
  body_.append(input_, 0, bytes);
  input_.erase(0, bytes);
  left_ -= bytes;
  if (left_ > 0 || part_ == Part::ToEnd) return true;
  if (part_ == Part::Sized) return complete();
  part_ = next;
  return true;
}

bool HttpResponse::fail() {
  state_ = State::Wrong;
  return false;
}

bool HttpResponse::complete() {
  state_ = State::Complete;
  return false;
}

}  // namespace slotless::trace
