#include "config/node_urls.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "config/spelling.h"

namespace slotless::config {

namespace {

constexpr std::string_view kUsualPort = ":6379";
constexpr std::string_view kUsualSentinelPort = ":26379";
constexpr std::string_view kSentinel = "+sentinel";

std::optional<std::string> percentDecoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    unsigned char byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + digits.size()) return {};
    result += static_cast<char>(byte);
    i += 2;
  }
  return result;
}

bool hasPort(std::string_view address) {
  const auto bracket = address.rfind(']');
  const auto colon = address.rfind(':');
  return colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
}

// False: it has been said otherwise before.
template <class T>
bool agree(std::optional<T>& said, const T& now) {
  if (!said) said = now;
  return *said == now;
}

}  // namespace

std::string NodeUrls::takeCredentials(std::string_view userinfo) {
  const auto colon = userinfo.find(':');
  const auto username = percentDecoded(userinfo.substr(0, colon));
  const auto password =
      percentDecoded(colon == std::string_view::npos ? std::string_view() : userinfo.substr(colon + 1));
  if (!username || !password) return "behind % in a URL there must be two hexadecimal digits";
  if (!agree(username_, *username) || !agree(password_, *password))
    return "two URLs have different users or passwords";
  return {};
}

std::string NodeUrls::takeUrl(std::string_view url, std::string& entry) {
  const auto colon = url.find("://");
  const std::string scheme = lowered(url.substr(0, colon));
  if (scheme != "redis" && scheme != "rediss") return "the scheme of a URL is neither redis nor rediss";
  if (!agree(tls_, scheme == "rediss")) return "some URLs begin with redis:// and others with rediss://";
  std::string_view rest = url.substr(colon + 3);
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    if (auto problem = takeCredentials(rest.substr(0, at)); !problem.empty()) return problem;
    rest.remove_prefix(at + 1);
  }
  const auto end = rest.find_first_of("/?#");
  const std::string_view path = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  if (!path.empty() && path != "/" && path != "/0")
    return "a URL of a node has nothing behind its port; see default-database for another database";
  entry = rest.substr(0, end);
  if (!hasPort(entry)) entry += kUsualPort;
  return {};
}

Parsed<std::string> NodeUrls::take(std::string_view text) {
  std::string addresses;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view found = trimmed(text.substr(begin, end - begin));
    std::string entry(found);
    if (found.find("://") != std::string_view::npos) {
      if (auto problem = takeUrl(found, entry); !problem.empty()) return {{}, problem};
    }
    addresses += (begin == 0 ? "" : ",") + entry;
    begin = end + 1;
  }
  return {std::move(addresses), ""};
}

Parsed<std::string> NodeUrls::takeServer(std::string_view text) {
  const std::string_view found = trimmed(text);
  const auto colon = found.find("://");
  std::string scheme = lowered(found.substr(0, colon));
  if (colon == std::string_view::npos || !scheme.ends_with(kSentinel)) return take(text);
  scheme.resize(scheme.size() - kSentinel.size());
  const std::string_view rest = found.substr(colon + 3);
  const auto slash = rest.rfind('/');
  const auto name = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  const auto decoded = percentDecoded(name);
  if (!decoded || decoded->empty())
    return {{}, "a URL of sentinels ends with / and the name by which they know the server"};
  std::string_view places = rest.substr(0, slash);
  std::string urls = scheme + "://";
  if (const auto at = places.rfind('@'); at != std::string_view::npos) {
    urls += places.substr(0, at + 1);
    places.remove_prefix(at + 1);
  }
  for (std::size_t begin = 0; begin <= places.size();) {
    const std::size_t end = std::min(places.find(',', begin), places.size());
    const std::string_view place = trimmed(places.substr(begin, end - begin));
    urls += begin == 0 ? "" : ",";
    urls += place;
    if (!hasPort(place)) urls += kUsualSentinelPort;
    begin = end + 1;
  }
  if (!agree(sentinelName_, *decoded)) return {{}, "two URLs have different names of the server"};
  return take(urls);
}

}  // namespace slotless::config
