#include "config/endpoint.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>

namespace slotless::config {

namespace {

constexpr std::string_view kUnixPrefix = "unix:";
// sun_path, without its final zero.
constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kLongestHost = 253;  // RFC 1035, as text without the final dot.

bool isNumericAddress(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}

std::string wrongHost(std::string_view host, bool bracketed) {
  if (bracketed) {
    // A zone (fe80::1%eth0) is the system's business.
    return isNumericAddress(AF_INET6, host.substr(0, host.find('%'))) ? "" : "the IPv6 address is not valid";
  }
  if (host.find(':') != std::string_view::npos) return "an IPv6 address needs brackets, as in [::1]:6379";
  if (host.size() > kLongestHost) return "the host name is too long";
  const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (numeric) return isNumericAddress(AF_INET, host) ? "" : "the IPv4 address is not valid";
  const bool plain = std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  });
  return plain ? "" : "the host name has a character that is not allowed";
}

Parsed<std::uint16_t> parsePort(std::string_view text, bool zeroAllowed) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || (port == 0 && !zeroAllowed)) {
    return {{}, std::string("the port is not a number from ") + (zeroAllowed ? "0" : "1") + " to 65535"};
  }
  return {port, ""};
}

Parsed<Endpoint> parse(std::string_view text, bool listener) {
  if (mayHoldCredentials(text))
    return {{}, "a URL is not an address: leave out the scheme and the credentials"};
  const bool bracketed = text.starts_with('[');
  const auto bracket = bracketed ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return {{}, "the bracket is not closed"};
  const auto colon = bracketed ? bracket + 1 : text.rfind(':');
  if (colon >= text.size() || text[colon] != ':') return {{}, "the port is missing"};

  std::string_view host = bracketed ? text.substr(1, bracket - 1) : text.substr(0, colon);
  if (listener && !bracketed && host == "*") host = {};
  if (host.empty() && (bracketed || !listener)) return {{}, "the host is missing"};
  if (!host.empty()) {
    if (auto reason = wrongHost(host, bracketed); !reason.empty()) return {{}, reason};
  }
  const auto port = parsePort(text.substr(colon + 1), listener);
  if (!port.value) return {{}, port.reason};
  return {Endpoint{std::string(host), *port.value}, ""};
}

}  // namespace

Parsed<Endpoint> parseNode(std::string_view text) {
  return parse(text, false);
}

Parsed<Endpoint> parseListener(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) return {{}, "a Unix socket cannot be used here"};
  return parse(text, true);
}

Parsed<Endpoint> parseClientAddress(std::string_view text) {
  if (!text.starts_with(kUnixPrefix)) return parse(text, true);
  const std::string_view path = text.substr(kUnixPrefix.size());
  if (!path.starts_with('/') || path.ends_with('/'))
    return {{}, "a Unix socket needs a full path, as in unix:/run/x.sock"};
  if (path.size() > kLongestPath)
    return {{}, "the path is longer than " + std::to_string(kLongestPath) + " bytes"};
  return {Endpoint{"", 0, std::string(path)}, ""};
}

std::string formatEndpoint(const Endpoint& endpoint) {
  if (endpoint.isUnix()) return std::string(kUnixPrefix) + endpoint.path;
  const bool brackets = endpoint.host.find(':') != std::string::npos;
  const std::string host = endpoint.host.empty() ? "*" : brackets ? "[" + endpoint.host + "]" : endpoint.host;
  return host + ":" + std::to_string(endpoint.port);
}

bool isLoopback(const Endpoint& endpoint) {
  const std::string& host = endpoint.host;
  if (endpoint.isUnix() || host == "localhost") return true;
  if (isNumericAddress(AF_INET, host)) return host.starts_with("127.");
  in6_addr address{};
  if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return false;
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127;
  return mapped || IN6_IS_ADDR_LOOPBACK(&address);
}

const Endpoint* firstTcpListener(const Config& config) {
  const auto found =
      std::find_if_not(config.listen.begin(), config.listen.end(), std::mem_fn(&Endpoint::isUnix));
  return found == config.listen.end() ? nullptr : &*found;
}

const Endpoint* firstUnixListener(const Config& config) {
  const auto found = std::find_if(config.listen.begin(), config.listen.end(), std::mem_fn(&Endpoint::isUnix));
  return found == config.listen.end() ? nullptr : &*found;
}

bool mayHoldCredentials(std::string_view text) {
  return text.find('@') != std::string_view::npos || text.find("://") != std::string_view::npos;
}

}  // namespace slotless::config
