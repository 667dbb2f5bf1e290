#include "protocol/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace slotless::protocol {

namespace {

using Status = ProxyHeader::Status;

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view kWord = "PROXY ";
constexpr std::size_t kLongestLine = 107;  // with CRLF
constexpr std::size_t kShortestLine = std::string_view("PROXY UNKNOWN\r\n").size();
constexpr std::size_t kFixedBytes = 16;  // of version 2

ProxyHeader malformed(std::string_view why) {
  ProxyHeader header;
  header.status = Status::Malformed;
  header.problem = why;
  return header;
}

ProxyHeader needMore(std::size_t bytes) {
  ProxyHeader header;
  header.bytes = bytes;
  return header;
}

ProxyHeader complete(std::size_t bytes) {
  ProxyHeader header;
  header.status = Status::Complete;
  header.bytes = bytes;
  return header;
}

bool isBeginOf(std::string_view begin, std::string_view whole) {
  return begin == whole.substr(0, begin.size());
}

// --- version 1 ---

void mapIpv4(ProxyHeader& header, const std::uint8_t* address) {
  header.source = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::copy(address, address + 4, header.source.begin() + 12);
}

bool takeAddress(int family, std::string_view text, ProxyHeader& header) {
  std::array<std::uint8_t, 16> address{};
  if (inet_pton(family, std::string(text).c_str(), address.data()) != 1) return false;
  if (family == AF_INET) {
    mapIpv4(header, address.data());
  } else {
    header.source = address;
  }
  return true;
}

std::optional<std::uint16_t> portIn(std::string_view text) {
  std::uint16_t port = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool good = error == std::errc{} && at == text.data() + text.size();
  const bool padded = text.size() > 1 && text.front() == '0';
  return good && !padded ? std::optional(port) : std::nullopt;
}

// Up to the next space; the last word has none behind it.
std::string_view takeWord(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

ProxyHeader parseLine(std::string_view line, std::size_t bytes) {
  ProxyHeader header = complete(bytes);
  std::string_view rest = line.substr(kWord.size());
  const std::string_view family = takeWord(rest);
  if (family == "UNKNOWN") return header;
  if (family != "TCP4" && family != "TCP6") return malformed("its family is none that there is");
  if (std::count(rest.begin(), rest.end(), ' ') != 3)
    return malformed("it does not have two addresses and two ports");
  const int number = family == "TCP4" ? AF_INET : AF_INET6;
  const std::string_view source = takeWord(rest);
  const std::string_view target = takeWord(rest);
  ProxyHeader ignored;
  if (!takeAddress(number, source, header) || !takeAddress(number, target, ignored))
    return malformed("an address in it is none");
  const auto port = portIn(takeWord(rest));
  if (!port || !portIn(takeWord(rest))) return malformed("a port in it is none");
  header.hasSource = true;
  header.sourcePort = *port;
  return header;
}

ProxyHeader parseText(std::string_view bytes) {
  const std::string_view begin = bytes.substr(0, kLongestLine);
  const std::size_t end = begin.find("\r\n");
  if (end != std::string_view::npos) return parseLine(begin.substr(0, end), end + 2);
  if (bytes.size() >= kLongestLine) return malformed("its line is too long");
  if (bytes.size() < kShortestLine) return needMore(kShortestLine - bytes.size());
  return needMore(bytes.back() == '\r' ? 1 : 2);
}

// --- version 2 ---

std::uint8_t byteAt(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t numberAt(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byteAt(bytes, at) << 8U | byteAt(bytes, at + 1));
}

constexpr std::uint8_t kTcpIpv4 = 0x11;
constexpr std::uint8_t kTcpIpv6 = 0x21;
constexpr std::size_t kIpv4Bytes = 12;
constexpr std::size_t kIpv6Bytes = 36;

// What follows the addresses is not looked at.
ProxyHeader parseBinary(std::string_view bytes) {
  if (bytes.size() > kSignature.size()) {
    const std::uint8_t versionAndCommand = byteAt(bytes, kSignature.size());
    if (versionAndCommand >> 4U != 2) return malformed("its version is neither 1 nor 2");
    if ((versionAndCommand & 0xfU) > 1) return malformed("its command is none that there is");
  }
  if (bytes.size() < kFixedBytes) return needMore(kFixedBytes - bytes.size());
  const std::size_t length = numberAt(bytes, 14);
  const std::size_t whole = kFixedBytes + length;
  if (whole > kLongestProxyHeader) return malformed("it is too long");
  if (bytes.size() < whole) return needMore(whole - bytes.size());
  ProxyHeader header = complete(whole);
  const bool isLocal = (byteAt(bytes, 12) & 0xfU) == 0;
  const std::uint8_t family = byteAt(bytes, 13);
  if (isLocal || (family != kTcpIpv4 && family != kTcpIpv6)) return header;
  if (length < (family == kTcpIpv4 ? kIpv4Bytes : kIpv6Bytes))
    return malformed("it is too short for its addresses");
  const auto* address = reinterpret_cast<const std::uint8_t*>(bytes.data()) + kFixedBytes;
  if (family == kTcpIpv4) {
    mapIpv4(header, address);
    header.sourcePort = numberAt(bytes, kFixedBytes + 8);
  } else {
    std::copy(address, address + 16, header.source.begin());
    header.sourcePort = numberAt(bytes, kFixedBytes + 32);
  }
  header.hasSource = true;
  return header;
}

}  // namespace

ProxyHeader parseProxyHeader(std::string_view bytes) {
  if (bytes.empty()) return needMore(kShortestLine);  // the other one is longer
  if (isBeginOf(bytes.substr(0, kSignature.size()), kSignature)) return parseBinary(bytes);
  if (isBeginOf(bytes.substr(0, kWord.size()), kWord)) return parseText(bytes);
  return malformed("the connection does not begin with one");
}

}  // namespace slotless::protocol
