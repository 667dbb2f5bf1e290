// The header of the PROXY protocol: both versions, every malformed part, and split at every byte.
#include "protocol/proxy_header.h"

#include <arpa/inet.h>

#include <string>
#include <vector>

#include "catch.h"

using namespace slotless::protocol;
using Status = ProxyHeader::Status;

namespace {

std::string sourceOf(const ProxyHeader& header) {
  if (!header.hasSource) return "none";
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, header.source.data(), text.data(), text.size());
  return std::string(text.data()) + " " + std::to_string(header.sourcePort);
}

const std::string kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};

// Of version 2.
std::string binary(unsigned char command, unsigned char family, const std::string& rest) {
  std::string header = kSignature;
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(rest.size() >> 8U);
  header += static_cast<char>(rest.size() & 0xffU);
  return header + rest;
}

const std::string kIpv4{"\x0a\x01\x02\x03\x0a\x00\x00\x01\x9c\x40\x18\xeb", 12};
const std::string kIpv6 = std::string("\xfd\x00", 2) + std::string(13, '\0') + "\x07" +  // fd00::7
                          std::string(15, '\0') + "\x01" + std::string("\x9c\x40\x18\xeb", 4);

struct Good {
  std::string header;
  std::string source;
};
const std::vector<Good> kGood = {
    {"PROXY TCP4 10.1.2.3 10.0.0.1 40000 6379\r\n", "::ffff:10.1.2.3 40000"},
    {"PROXY TCP6 fd00::7 fd00::1 40000 6379\r\n", "fd00::7 40000"},
    {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"},
    {"PROXY UNKNOWN\r\n", "none"},
    {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "none"},
    {binary(0x21, 0x11, kIpv4), "::ffff:10.1.2.3 40000"},
    {binary(0x21, 0x21, kIpv6), "fd00::7 40000"},
    {binary(0x21, 0x11, kIpv4 + std::string("\x03\x00\x04\x00\x00\x00\x00", 7)), "::ffff:10.1.2.3 40000"},
    {binary(0x21, 0x21, kIpv6 + std::string(2000, '\x04')), "fd00::7 40000"},
    {binary(0x20, 0x00, ""), "none"},                     // LOCAL
    {binary(0x20, 0x11, kIpv4), "none"},                  // LOCAL, whatever it says besides
    {binary(0x21, 0x00, ""), "none"},                     // an unknown family
    {binary(0x21, 0x31, std::string(216, '/')), "none"},  // a Unix socket
    {binary(0x21, 0x12, kIpv4), "none"},                  // datagrams
};

}  // namespace

TEST_CASE(
    "A header of the PROXY protocol tells where the connection comes from, and never asks for more than itself") {
  for (const Good& good : kGood) {
    INFO(good.header);
    const std::string followed = good.header + "*1\r\n$4\r\nPING\r\n";
    // As a reader does: never a byte more than is asked for.
    std::string read;
    std::size_t rounds = 0;
    ProxyHeader header = parseProxyHeader(read);
    while (header.status == Status::NeedMore) {
      REQUIRE(header.bytes > 0);
      REQUIRE(read.size() + header.bytes <= good.header.size());
      read += followed.substr(read.size(), header.bytes);
      header = parseProxyHeader(read);
      REQUIRE(++rounds < 100);
    }
    CHECK(header.status == Status::Complete);
    CHECK(read == good.header);
    CHECK(header.bytes == good.header.size());
    CHECK(sourceOf(header) == good.source);
  }
}

TEST_CASE("A header may be split at every byte") {
  for (const Good& good : kGood) {
    INFO(good.header);
    for (std::size_t size = 0; size < good.header.size(); ++size) {
      const ProxyHeader header = parseProxyHeader(std::string_view(good.header).substr(0, size));
      CHECK(header.status == Status::NeedMore);
      CHECK(size + header.bytes <= good.header.size());
    }
    // What follows is not a part of it.
    const ProxyHeader header = parseProxyHeader(good.header + "PING\r\n");
    CHECK(header.status == Status::Complete);
    CHECK(header.bytes == good.header.size());
  }
}

TEST_CASE("What is no header is refused as soon as that is known") {
  struct Case {
    std::string bytes;
    std::string problem;
  };
  const std::string noHeader = "the connection does not begin with one";
  const std::string noFamily = "its family is none that there is";
  const std::string noPair = "it does not have two addresses and two ports";
  const std::string noAddress = "an address in it is none";
  const std::string noPort = "a port in it is none";
  const std::string tooLong = "its line is too long";
  const std::vector<Case> cases = {
      {"*1\r\n$4\r\nPING\r\n", noHeader},
      {"P\n", noHeader},
      {"proxy TCP4", noHeader},
      {"\x16\x03\x01", noHeader},
      {"\r\n\r\n\r", noHeader},
      {"PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n", noFamily},
      {"PROXY \r\n0123456", noFamily},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", noPair},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n", noPair},
      {"PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n", noPair},
      {"PROXY TCP4 ::1 1.1.1.1 1 1\r\n", noAddress},
      {"PROXY TCP6 1.1.1.1 ::1 1 1\r\n", noAddress},
      {"PROXY TCP4 1.1.1.1 1.1.1.256 1 1\r\n", noAddress},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n", noPort},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 1 -1\r\n", noPort},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n", noPort},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 1 \r\n", noPort},
      {"PROXY TCP4 " + std::string(200, '1'), tooLong},
      {"PROXY UNKNOWN " + std::string(93, 'x') + "\r\n", tooLong},
      {kSignature + "\x11", "its version is neither 1 nor 2"},
      {kSignature + "\x31", "its version is neither 1 nor 2"},
      {kSignature + "\x22", "its command is none that there is"},
      {binary(0x21, 0x11, kIpv4.substr(1)), "it is too short for its addresses"},
      {binary(0x21, 0x21, kIpv6.substr(1)), "it is too short for its addresses"},
      {binary(0x21, 0x11, kIpv4 + std::string(kLongestProxyHeader, 'x')).substr(0, 16), "it is too long"},
  };
  for (const Case& each : cases) {
    INFO(each.bytes);
    const ProxyHeader header = parseProxyHeader(each.bytes);
    CHECK(header.status == Status::Malformed);
    CHECK(header.problem == each.problem);
  }
  CHECK(parseProxyHeader("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").status == Status::Complete);
}
