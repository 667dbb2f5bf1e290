#include "proxy/subcommand/server_url.h"

#include <charconv>
#include <optional>

#include "config/endpoint.h"

namespace slotless::subcommand {

namespace {

std::optional<std::string> percentDecoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned char byte = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + digits.size())
      return std::nullopt;
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

config::Parsed<ServerUrl> no(std::string reason) {
  return {std::nullopt, std::move(reason)};
}

}  // namespace

std::string ServerUrl::shown() const {
  const bool v6 = host.find(':') != std::string::npos;
  std::string text = tls ? "rediss://" : "redis://";
  text += (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  return database == 0 ? text : text + "/" + std::to_string(database);
}

ServerUrl ServerUrl::at(std::string_view otherHost, std::uint16_t otherPort) const {
  ServerUrl other = *this;
  other.host = otherHost;
  other.port = otherPort;
  return other;
}

config::Parsed<ServerUrl> parseServerUrl(std::string_view text) {
  ServerUrl url;
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    const std::string_view name = text.substr(0, scheme);
    if (name != "redis" && name != "rediss") return no("the scheme of a URL is neither redis nor rediss");
    url.tls = name == "rediss";
    text.remove_prefix(scheme + 3);
  }
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = text.substr(0, at);
    const auto colon = who.find(':');
    auto username = percentDecoded(who.substr(0, colon));
    auto password = percentDecoded(colon == std::string_view::npos ? "" : who.substr(colon + 1));
    if (!username || !password) return no("behind % in a URL there must be two hexadecimal digits");
    url.username = *std::move(username);
    url.password = *std::move(password);
    text.remove_prefix(at + 1);
  }
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), url.database);
    if (!number.empty() && (error != std::errc{} || end != number.data() + number.size()))
      return no("behind the / of a URL there must be the number of a database");
    text = text.substr(0, slash);
  }
  std::string address(text);
  if (!hasPort(address)) address += ":6379";
  const auto node = config::parseNode(address);
  if (!node.value) return no("a URL must name a server: redis://USER:PASSWORD@HOST:PORT");
  url.host = node.value->host;
  url.port = node.value->port;
  return {std::move(url), ""};
}

config::Parsed<std::vector<ServerUrl>> parseServerUrls(std::string_view text) {
  std::vector<ServerUrl> urls;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view entry = text.substr(begin, end - begin);
    auto url = parseServerUrl(entry);
    if (!url.value) return {std::nullopt, url.reason};
    if (!urls.empty()) {
      const ServerUrl& first = urls.front();
      if (entry.find("://") == std::string_view::npos) url.value->tls = first.tls;
      if (entry.find('@') == std::string_view::npos) {
        url.value->username = first.username;
        url.value->password = first.password;
      }
    }
    urls.push_back(*std::move(url.value));
    begin = end + 1;
  }
  return {std::move(urls), ""};
}

std::vector<ServerUrl> clusterUrls(const config::Config& config) {
  std::vector<ServerUrl> urls;
  for (const config::Endpoint& node : config.clusterNodes)
    urls.push_back({node.host, node.port, config.clusterTls, config.username, config.password, 0});
  return urls;
}

}  // namespace slotless::subcommand
