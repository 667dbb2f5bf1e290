#include "config/http_url.h"

#include <algorithm>

#include "config/endpoint.h"

namespace slotless::config {

namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kTlsScheme = "https://";

// What may not stand in a request's first line; a fragment is nothing for a server.
bool isWrongInPath(unsigned char c) {
  return c <= ' ' || c > '~' || c == '#';
}

}  // namespace

Parsed<HttpUrl> parseHttpUrl(std::string_view text) {
  if (text.starts_with(kTlsScheme))
    return {{}, "https is not spoken here: an agent or a collector nearby can send on by TLS"};
  if (!text.starts_with(kScheme)) return {{}, "it does not begin with http://"};
  const std::string_view rest = text.substr(kScheme.size());
  const auto slash = std::min(rest.find_first_of("/?#"), rest.size());
  if (rest.substr(0, slash).find('@') != std::string_view::npos)
    return {{}, "a user or a password has no place in it"};
  const auto address = parseNode(rest.substr(0, slash));
  if (!address.value) return {{}, address.reason};
  const std::string_view path = rest.substr(slash);
  if (!path.empty() && path.front() != '/') return {{}, "the path does not begin with /"};
  if (std::any_of(path.begin(), path.end(), isWrongInPath))
    return {{}, "the path has a character that is not allowed"};
  return {HttpUrl{address.value->host, address.value->port, path.empty() ? "/" : std::string(path)}, ""};
}

}  // namespace slotless::config
