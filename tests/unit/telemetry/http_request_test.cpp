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

TEST_CASE("a request's query, headers and length of body are told apart") {
  const std::string text =
      "POST /a?b=c?d HTTP/1.1\r\nHost: one\r\nCONTENT-length:  5 \r\nhost: two\r\nnothing\r\n\r\nhello";
  HttpRequest request;
  REQUIRE(readHead(text, request) == HttpHead::Complete);
  CHECK(request.path == "/a");
  CHECK(request.query == "b=c?d");
  CHECK(text.substr(request.headBytes) == "hello");
  CHECK(headerIn(request.headers, "host") == "one");
  CHECK(headerIn(request.headers, "HOST") == "one");
  CHECK(headerIn(request.headers, "Hos").empty());
  CHECK(headerIn(request.headers, "nothing").empty());
  CHECK(bodyBytes(request) == 5);
}

TEST_CASE("a body whose length cannot be told is refused") {
  for (const std::string_view header :
       {"Content-Length: -1", "Content-Length: 1x", "Content-Length: 99999999999999999999999",
        "Transfer-Encoding: chunked"}) {
    INFO(header);
    const std::string text = "POST / HTTP/1.1\r\n" + std::string(header) + "\r\n\r\n";
    HttpRequest request;
    REQUIRE(readHead(text, request) == HttpHead::Complete);
    CHECK(bodyBytes(request) == std::nullopt);
  }
  HttpRequest request;
  REQUIRE(readHead("POST / HTTP/1.1\n\n", request) == HttpHead::Complete);
  CHECK(bodyBytes(request) == 0);
}
