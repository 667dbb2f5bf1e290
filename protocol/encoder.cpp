#include "protocol/encoder.h"

#include <charconv>
#include <cstring>

namespace slotless::protocol {
namespace {

// A type byte, a number and CRLF are put together here and appended at once.
class HeaderLine {
 public:
  template <typename Number>
  HeaderLine(char type, Number number) noexcept {
    bytes_[0] = type;
    char* p = bytes_ + 1;
    if (static_cast<std::uint64_t>(number) < 10) {
      *p++ = static_cast<char>('0' + number);
    } else {
      p = std::to_chars(p, bytes_ + sizeof bytes_ - 2, number).ptr;
    }
    *p++ = '\r';
    *p++ = '\n';
    size_ = static_cast<std::size_t>(p - bytes_);
  }
  void appendTo(std::string& out) const { out.append(bytes_, size_); }
  // Returns the place behind it.
  char* writeTo(char* to) const noexcept {
    std::memcpy(to, bytes_, size_);
    return to + size_;
  }

 private:
  char bytes_[1 + 20 + 2];  // 20: the digits of the largest 64-bit number, or 19 and a sign
  std::size_t size_;
};

void appendLine(std::string& out, char type, std::string_view text) {
  out += type;
  const std::size_t from = out.size();
  out += text;
  // A line break inside would end the reply early and hand the rest to the client as a reply of its own.
  for (std::size_t i = from; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n') out[i] = ' ';
  }
  out.append("\r\n", 2);
}

}  // namespace

void appendSimple(std::string& out, std::string_view text) {
  appendLine(out, '+', text);
}

void appendError(std::string& out, std::string_view line) {
  appendLine(out, '-', line);
}

void appendInteger(std::string& out, std::int64_t value) {
  HeaderLine(':', value).appendTo(out);
}

void appendBulk(std::string& out, std::string_view bytes) {
  HeaderLine('$', bytes.size()).appendTo(out);
  out += bytes;
  out.append("\r\n", 2);
}

void appendNullBulk(std::string& out) {
  out.append("$-1\r\n", 5);
}

void appendNullArray(std::string& out) {
  out.append("*-1\r\n", 5);
}

void appendArrayHeader(std::string& out, std::size_t elements) {
  HeaderLine('*', elements).appendTo(out);
}

void appendRequest(std::string& out, Argv argv) {
  appendArrayHeader(out, argv.size());
  for (const std::string_view argument : argv) appendBulk(out, argument);
}

void appendNull(std::string& out, int protocol) {
  out += protocol >= 3 ? "_\r\n" : "$-1\r\n";
}

void appendNullArrayIn(std::string& out, int protocol) {
  out += protocol >= 3 ? "_\r\n" : "*-1\r\n";
}

void appendMapHeader(std::string& out, int protocol, std::size_t pairs) {
  if (protocol >= 3) return HeaderLine('%', pairs).appendTo(out);
  appendArrayHeader(out, 2 * pairs);
}

void appendSetHeader(std::string& out, int protocol, std::size_t elements) {
  HeaderLine(protocol >= 3 ? '~' : '*', elements).appendTo(out);
}

void appendPushHeader(std::string& out, int protocol, std::size_t elements) {
  HeaderLine(protocol >= 3 ? '>' : '*', elements).appendTo(out);
}

void appendVerbatimText(std::string& out, int protocol, std::string_view text) {
  if (protocol < 3) return appendBulk(out, text);
  HeaderLine('=', text.size() + 4).appendTo(out);
  out += "txt:";
  out += text;
  out += "\r\n";
}

char* writeArrayHeader(char* to, std::size_t elements) noexcept {
  return HeaderLine('*', elements).writeTo(to);
}

char* writeBulk(char* to, std::string_view bytes) noexcept {
  char* next = HeaderLine('$', bytes.size()).writeTo(to);
  if (!bytes.empty()) std::memcpy(next, bytes.data(), bytes.size());
  next += bytes.size();
  *next++ = '\r';
  *next++ = '\n';
  return next;
}

}  // namespace slotless::protocol
