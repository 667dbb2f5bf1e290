#include "proxy/routing/reply_parts.h"

#include <array>
#include <charconv>

#include "protocol/encoder.h"
#include "protocol/reply_scanner.h"
#include "protocol/strict_integer.h"

namespace slotless::routing {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
// "txt:" in front of a verbatim text.
constexpr std::size_t kFormatBytes = 4;

void appendHeader(std::string& out, char type, std::size_t count) {
  out.push_back(type);
  out += std::to_string(count);
  out += kLineEnd;
}

std::string doubleText(double value) {
  std::array<char, 32> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), written.ptr};
}

}  // namespace

bool isErrorReply(std::string_view reply) noexcept {
  return !reply.empty() && (reply[0] == '-' || reply[0] == '!');
}

bool isNullReply(std::string_view reply) noexcept {
  return reply.starts_with("$-1\r\n") || reply.starts_with("*-1\r\n") || reply.starts_with("_\r\n");
}

bool isListReply(std::string_view reply) noexcept {
  return reply.size() > 1 && (reply[0] == '*' || reply[0] == '~') && reply[1] != '-';
}

std::optional<std::int64_t> numberOf(std::string_view reply, std::size_t& lineEnd) {
  std::uint64_t length = 0;
  const char* const begin = reply.data();
  if (const char* next =
          reply.empty() ? nullptr : protocol::readCanonicalLength(begin + 1, begin + reply.size(), length)) {
    lineEnd = static_cast<std::size_t>(next - begin);
    return static_cast<std::int64_t>(length);
  }
  const std::size_t end = reply.find(kLineEnd);
  if (end == std::string_view::npos || end < 2) return std::nullopt;
  std::int64_t value = 0;
  const auto parsed = std::from_chars(reply.data() + 1, reply.data() + end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != reply.data() + end) return std::nullopt;
  lineEnd = end + kLineEnd.size();
  return value;
}

std::optional<std::int64_t> integerOf(std::string_view reply) {
  std::size_t end = 0;
  if (reply.empty() || reply[0] != ':') return std::nullopt;
  return numberOf(reply, end);
}

std::optional<std::string_view> textOf(std::string_view reply) {
  if (reply.empty()) return std::nullopt;
  if (reply[0] == '+') {
    const std::size_t end = reply.find(kLineEnd);
    if (end == std::string_view::npos) return std::nullopt;
    return reply.substr(1, end - 1);
  }
  if (reply[0] != '$' && reply[0] != '=') return std::nullopt;
  std::size_t begin = 0;
  const auto length = numberOf(reply, begin);
  if (!length || *length < 0 || reply.size() - begin < static_cast<std::size_t>(*length)) return std::nullopt;
  const std::string_view text = reply.substr(begin, static_cast<std::size_t>(*length));
  if (reply[0] == '$') return text;
  if (text.size() < kFormatBytes) return std::nullopt;
  return text.substr(kFormatBytes);
}

std::optional<double> doubleOf(std::string_view reply) {
  if (reply.empty()) return std::nullopt;
  std::string_view digits;
  if (reply[0] == ',') {
    digits = reply.substr(1, reply.find(kLineEnd) - 1);
  } else if (const auto text = textOf(reply)) {
    digits = *text;
  }
  double value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::vector<std::string_view>> elementsOf(std::string_view reply) {
  const bool isMap = !reply.empty() && reply[0] == '%';
  const bool isPush = reply.starts_with('>');  // a message, as connections of RESP3 bring it
  if (!isListReply(reply) && !isMap && !isPush) return std::nullopt;
  std::size_t position = 0;
  const auto count = numberOf(reply, position);
  if (!count || *count < 0) return std::nullopt;
  std::vector<std::string_view> elements;
  for (std::int64_t i = 0; i < (isMap ? 2 : 1) * *count; ++i) {
    protocol::ReplyScanner scanner;
    const auto result = scanner.scan(reply.substr(position));
    if (result.status != protocol::ReplyScanner::Status::Complete) return std::nullopt;
    elements.push_back(reply.substr(position, result.consumed));
    position += result.consumed;
  }
  return elements;
}

std::optional<ReplyPairs> pairsOf(std::string_view reply) {
  const auto elements = elementsOf(reply);
  if (!elements || elements->size() % 2 != 0) return std::nullopt;
  ReplyPairs pairs;
  for (std::size_t i = 0; i < elements->size(); i += 2) {
    pairs.emplace_back((*elements)[i], (*elements)[i + 1]);
  }
  return pairs;
}

void appendPairsHeaderLike(std::string& out, std::string_view like, std::size_t pairs) {
  const bool isMap = like.starts_with('%');
  appendHeader(out, isMap ? '%' : '*', isMap ? pairs : 2 * pairs);
}

void appendListHeaderLike(std::string& out, std::string_view like, std::size_t elements) {
  appendHeader(out, like.starts_with('~') ? '~' : '*', elements);
}

void appendTextLike(std::string& out, std::string_view like, std::string_view text) {
  if (!like.starts_with('=')) return protocol::appendBulk(out, text);
  appendHeader(out, '=', text.size() + kFormatBytes);
  ((out += "txt:") += text) += kLineEnd;
}

void appendDoubleLike(std::string& out, std::string_view like, double value) {
  if (!like.starts_with(',')) return protocol::appendBulk(out, doubleText(value));
  ((out += ',') += doubleText(value)) += kLineEnd;
}

}  // namespace slotless::routing
