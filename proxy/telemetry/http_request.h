// The head of an HTTP/1 request (RFC 9112), as far as the admin pages need it: the first line. No I/O.
#pragma once
#include <cstdint>
#include <string_view>

namespace slotless::telemetry {

struct HttpRequest {
  std::string_view method;
  std::string_view path;  // without the query; "*" for OPTIONS *
};

enum class HttpHead : std::uint8_t { NeedMore, Complete, Bad };

// `bytes`: all that has come so far, which the request refers to. Complete: up to the empty line behind the
// headers, whose contents do not matter here.
HttpHead readHead(std::string_view bytes, HttpRequest& request) noexcept;

}  // namespace slotless::telemetry
