#include "proxy/telemetry/http_request.h"

#include <string>

#include "catch.h"

using namespace slotless::telemetry;

namespace {

HttpHead headOf(std::string_view bytes) {
  HttpRequest request;
  return readHead(bytes, request);
}

}  // namespace

TEST_CASE("the head of an HTTP request is read up to the empty line") {
  const std::string text = "GET /readyz?verbose=1 HTTP/1.1\r\nHost: x\r\n\r\n";
  HttpRequest request;
  for (std::size_t length = 0; length < text.size(); ++length)
    CHECK(headOf(std::string_view(text).substr(0, length)) == HttpHead::NeedMore);
  REQUIRE(readHead(text, request) == HttpHead::Complete);
  CHECK(request.method == "GET");
  CHECK(request.path == "/readyz");
  CHECK(headOf("HEAD / HTTP/1.0\n\n") == HttpHead::Complete);
  CHECK(headOf("OPTIONS * HTTP/1.1\r\n\r\n") == HttpHead::Complete);
}

TEST_CASE("what is no HTTP request is known by its first line") {
  for (const std::string_view line :
       {"", "GET", "GET ", "GET /", "GET  HTTP/1.1", "get / HTTP/1.1", "GET metrics HTTP/1.1",
        "GET / HTTP/2.0", "GET / x HTTP/1.1", "GET /\x01 HTTP/1.1", "PING", "*1", " / HTTP/1.1"}) {
    INFO(line);
    CHECK(headOf(std::string(line) + "\r\n") == HttpHead::Bad);
  }
}
