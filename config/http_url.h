// "http://HOST:PORT/PATH" -> its parts. Neither credentials nor https: whoever takes spans from this machine
// or network may send them on by TLS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/parsed.h"

namespace slotless::config {

struct HttpUrl {
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 0;
  std::string path;  // with the query; begins with '/'

  bool operator==(const HttpUrl&) const = default;
};

Parsed<HttpUrl> parseHttpUrl(std::string_view text);

}  // namespace slotless::config
