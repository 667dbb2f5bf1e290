#include "proxy/trace/http_response.h"

#include <string>

#include "catch.h"

namespace slotless::trace {
namespace {

using State = HttpResponse::State;

// In one piece, and byte by byte.
HttpResponse responseOf(const std::string& bytes, bool inPieces, bool ends = false) {
  HttpResponse response;
  if (inPieces) {
    for (const char each : bytes) response.feed({&each, 1});
  } else {
    response.feed(bytes);
  }
  if (ends) response.end();
  return response;
}

TEST_CASE("a response has a status and a body of the length that is told") {
  for (const bool inPieces : {false, true}) {
    const HttpResponse response =
        responseOf("HTTP/1.1 200 OK\r\ncontent-LENGTH:  5 \r\nServer: x\r\n\r\nhello", inPieces);
    REQUIRE(response.state() == State::Complete);
    CHECK(response.status() == 200);
    CHECK(response.body() == "hello");
    CHECK(response.keepsConnection());
    CHECK_FALSE(response.retryAfter());
  }
}

TEST_CASE("a body comes in chunks, with extensions and trailers") {
  for (const bool inPieces : {false, true}) {
    const HttpResponse response = responseOf(
        "HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\nRetry-After: 7\r\nConnection: x, close\r\n\r\n"
        "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: y\r\n\r\n",
        inPieces);
    REQUIRE(response.state() == State::Complete);
    CHECK(response.status() == 503);
    CHECK(response.body() == "hello0123456789");
    CHECK_FALSE(response.keepsConnection());
    CHECK(response.retryAfter() == std::chrono::seconds(7));
  }
}

TEST_CASE("a body without a length goes to the end of the connection") {
  for (const bool inPieces : {false, true}) {
    const std::string bytes = "HTTP/1.0 400 Bad Request\n\nwhy";
    CHECK(responseOf(bytes, inPieces).state() == State::Reading);
    const HttpResponse response = responseOf(bytes, inPieces, true);
    REQUIRE(response.state() == State::Complete);
    CHECK(response.status() == 400);
    CHECK(response.body() == "why");
    CHECK_FALSE(response.keepsConnection());
  }
}

TEST_CASE("some responses have no body, and 100 is none yet") {
  CHECK(responseOf("HTTP/1.1 204 No Content\r\n\r\n", true).state() == State::Complete);
  CHECK(responseOf("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true).state() == State::Complete);
  const HttpResponse response = responseOf(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n"
      "Content-Length: 2\r\n\r\nok",
      true);
  REQUIRE(response.state() == State::Complete);
  CHECK(response.status() == 202);
}

TEST_CASE("an old server keeps the connection only if it says so") {
  CHECK_FALSE(responseOf("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false).keepsConnection());
  CHECK(responseOf("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", false)
            .keepsConnection());
}

TEST_CASE("a date in Retry-After is not taken") {
  CHECK_FALSE(
      responseOf("HTTP/1.1 429 x\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n",
                 false)
          .retryAfter());
}

TEST_CASE("what makes no sense is wrong") {
  for (const std::string& bytes : {
           std::string("SSH-2.0-OpenSSH\r\n"),
           std::string("HTTP/2 200\r\n"),
           std::string("HTTP/1.1 20\r\n"),
           std::string("HTTP/1.1 2000 OK\r\n"),
           std::string("HTTP/1.1 099 OK\r\n"),
           std::string("HTTP/1.1 200 OK\r\nno colon\r\n"),
           std::string("HTTP/1.1 200 OK\r\n: x\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: many\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n"),
           std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n"),
           std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
           std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore"),
           std::string("HTTP/1.1 200 OK\r\nX: ") + std::string(HttpResponse::kMostHeadBytes, 'x'),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx"),
           std::string("HTTP/1.1 200 OK\r\n\r\n") + std::string(HttpResponse::kMostBodyBytes + 1, 'x'),
       }) {
    INFO(bytes.substr(0, 80));
    CHECK(responseOf(bytes, false).state() == State::Wrong);
    CHECK(responseOf(bytes, true).state() == State::Wrong);
  }
}

TEST_CASE("an end in the middle is wrong, and so is one before anything") {
  HttpResponse nothing;
  CHECK_FALSE(nothing.begun());
  CHECK(nothing.end() == State::Wrong);
  CHECK(responseOf("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", true, true).state() == State::Wrong);
  CHECK(responseOf("HTTP/1.1 200 OK\r\nConte", true, true).state() == State::Wrong);
}

}  // namespace
}  // namespace slotless::trace
