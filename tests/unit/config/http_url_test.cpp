#include "config/http_url.h"

#include "loading.h"

using namespace slotless::config;

TEST_CASE("A URL has a host, a port and a path") {
  CHECK(parseHttpUrl("http://collector:4318/v1/traces").value == HttpUrl{"collector", 4318, "/v1/traces"});
  CHECK(parseHttpUrl("http://127.0.0.1:80").value == HttpUrl{"127.0.0.1", 80, "/"});
  CHECK(parseHttpUrl("http://[::1]:4318/a/b?c=d").value == HttpUrl{"::1", 4318, "/a/b?c=d"});
}

TEST_CASE("What is no such URL is refused with a reason") {
  const auto reason = [](std::string_view text) {
    const auto url = parseHttpUrl(text);
    CHECK_FALSE(url.value);
    return url.reason;
  };
  CHECK(reason("collector:4318") == "it does not begin with http://");
  CHECK(reason("HTTP://collector:4318") == "it does not begin with http://");
  CHECK(reason("https://collector:4318/") ==
        "https is not spoken here: an agent or a collector nearby can send on by TLS");
  CHECK(reason("http://me:secret@collector:4318/") == "a user or a password has no place in it");
  CHECK(reason("http://collector/v1/traces") == "the port is missing");
  CHECK(reason("http://:4318/") == "the host is missing");
  CHECK(reason("http://collector:0/") == "the port is not a number from 1 to 65535");
  CHECK(reason("http://a b:1/") == "the host name has a character that is not allowed");
  CHECK(reason("http://collector:1?a") == "the path does not begin with /");
  CHECK(reason("http://collector:1/a#b") == "the path has a character that is not allowed");
  CHECK(reason("http://collector:1/a b") == "the path has a character that is not allowed");
  CHECK(reason("http://collector:1/a\r\nX: y") == "the path has a character that is not allowed");
}

TEST_CASE("trace-endpoint is checked at the start, and what may be a secret is not repeated") {
  const auto errorsOf = [](const std::string& endpoint) {
    Loading loading;
    loading.arguments = {"--cluster-nodes=node:1", "--trace-endpoint=" + endpoint};
    return loading.errors();
  };
  CHECK(errorsOf("http://collector:4318/v1/traces").empty());
  CHECK(errorsOf("").empty());
  CHECK(errorsOf("collector:4318") ==
        std::vector<std::string>{"command-line argument 2 (--trace-endpoint): trace-endpoint: found "
                                 "\"collector:4318\" (it does not begin with http://); allowed: "
                                 "http://HOST:PORT/PATH, or nothing"});
  CHECK(errorsOf("http://me:secret@collector:4318/") ==
        std::vector<std::string>{
            "command-line argument 2 (--trace-endpoint): trace-endpoint: found a text that "
            "is not shown because it may hold a secret (a user or a password has no place in "
            "it); allowed: http://HOST:PORT/PATH, or nothing"});
}
