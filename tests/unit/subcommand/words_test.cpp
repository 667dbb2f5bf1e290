// What sub-commands read from their command lines, and write to their terminals.
#include <array>
#include <string>
#include <vector>

#include "catch.h"
#include "proxy/subcommand/info_text.h"
#include "proxy/subcommand/json_line.h"
#include "proxy/subcommand/options.h"
#include "proxy/subcommand/server_url.h"
#include "proxy/subcommand/subcommand.h"

using namespace slotless::subcommand;

TEST_CASE("a URL says where a server is and who asks it") {
  const auto url = parseServerUrl("rediss://me:p%40ss@host:7000/3");
  REQUIRE(url.value);
  CHECK(url.value->tls);
  CHECK(url.value->username == "me");
  CHECK(url.value->password == "p@ss");
  CHECK(url.value->host == "host");
  CHECK(url.value->port == 7000);
  CHECK(url.value->database == 3);
  CHECK(url.value->shown() == "rediss://host:7000/3");
  CHECK(parseServerUrl("host").value->port == 6379);
  CHECK(parseServerUrl("redis://[::1]:7000").value->shown() == "redis://[::1]:7000");
}

TEST_CASE("a URL that makes no sense gives a reason without its password") {
  for (const char* text :
       {"http://u:secret@host", "redis://u:secret%4@host", "redis://u:secret@host/x", "redis://u:secret@"}) {
    const auto url = parseServerUrl(text);
    CHECK_FALSE(url.value);
    CHECK_FALSE(url.reason.empty());
    CHECK(url.reason.find("secret") == std::string::npos);
  }
}

TEST_CASE("further URLs of a list have the first one's credentials, unless they say otherwise") {
  const auto urls = parseServerUrls("rediss://u:p@a:1,b:2,redis://v:q@c:3");
  REQUIRE(urls.value);
  REQUIRE(urls.value->size() == 3);
  CHECK((*urls.value)[1].password == "p");
  CHECK((*urls.value)[1].tls);
  CHECK((*urls.value)[2].username == "v");
  CHECK_FALSE((*urls.value)[2].tls);
}

TEST_CASE("options stand anywhere among other words") {
  static constexpr std::array<OptionSpec, 3> kSpecs{
      {{"one", "X", "", Takes::Value}, {"many", "X", "", Takes::Values}, {"flag", "", "", Takes::Nothing}}};
  const Options good =
      Options::read(kSpecs, {"word", "--one", "--flag", "--many=a", "--many", "b", "--flag"});
  CHECK(good.error().empty());
  CHECK(good.words() == std::vector<std::string>{"word"});
  CHECK(good.value("one") == "--flag");
  CHECK(good.values("many") == std::vector<std::string>{"a", "b"});
  CHECK(good.has("flag"));
  CHECK_FALSE(Options::read(kSpecs, {"--one", "a", "--one", "b"}).error().empty());
  CHECK_FALSE(Options::read(kSpecs, {"--one"}).error().empty());
  CHECK_FALSE(Options::read(kSpecs, {"--other"}).error().empty());
  CHECK_FALSE(Options::read(kSpecs, {"--flag=yes"}).error().empty());
}

TEST_CASE("passwords in URLs are overwritten where the process list shows them") {
  std::string first = "slotless";
  std::string second = "--to=redis://u:secret@a:1,redis://u:se:cret@b:2";
  std::array<char*, 2> arguments{first.data(), second.data()};
  hideUrlPasswords(2, arguments.data());
  CHECK(second == "--to=redis://xxxxxxxx@a:1,redis://xxxxxxxxx@b:2");
}

TEST_CASE("JSON is valid whatever bytes a key has") {
  CHECK(jsonText("a\"b\\\n\x01") == "\"a\\\"b\\\\\\u000a\\u0001\"");
  CHECK(jsonText("\xC3\xA4\xFF\xE2\x82") == "\"\xC3\xA4\\ufffd\\ufffd\\ufffd\"");
  CHECK(JsonLine().text("a", "b").number("n", 3).flag("f", true).done() == R"({"a":"b","n":3,"f":true})");
}

TEST_CASE("lines of INFO are found by name, and fields in them") {
  const InfoText info("# Keyspace\r\ndb0:keys=12,expires=3\r\nused:7\r\n");
  CHECK(infoField(info.value("db0"), "expires") == 3);
  CHECK(info.number("used") == 7);
  CHECK(info.value("none").empty());
}
