// The head of an HTTP/1 request (RFC 9112), as far as the admin pages need it. No I/O.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slotless::telemetry {

struct HttpRequest {
  std::string_view method;
  std::string_view path;     // without the query; "*" for OPTIONS *
  std::string_view query;    // without the question mark
  std::string_view headers;  // the lines behind the first one
  std::size_t headBytes = 0;
};

enum class HttpHead : std::uint8_t { NeedMore, Complete, Bad };

// `bytes`: all that has come so far, which the request refers to. Complete: up to the empty line behind the
// headers.
HttpHead readHead(std::string_view bytes, HttpRequest& request) noexcept;

// The value of the first header of that name, which is written in any case; empty if there is none.
std::string_view headerIn(std::string_view headers, std::string_view name) noexcept;

// How many bytes follow the head. nullopt: that cannot be told, or is not a number of bytes.
std::optional<std::size_t> bodyBytes(const HttpRequest& request) noexcept;

}  // namespace slotless::telemetry
