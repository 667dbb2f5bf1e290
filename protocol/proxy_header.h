// The header with which a balancer begins a connection to tell where it comes from: the PROXY protocol,
// versions 1 (a line of text) and 2 (binary).
//
// Pure. Never asks for a byte that does not belong to the header: what follows it stays with the connection.
// Source: haproxy.org/download/3.0/doc/proxy-protocol.txt.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slotless::protocol {

struct ProxyHeader {
  enum class Status : std::uint8_t {
    NeedMore,   // `bytes` more at least
    Complete,   // `bytes` in all
    Malformed,  // `problem` says why
  };

  Status status = Status::NeedMore;
  std::size_t bytes = 0;
  // False: it says nothing of the client (LOCAL, an unknown family): the connection's own address holds.
  bool hasSource = false;
  // IPv4 as IPv6 maps it.
  std::array<std::uint8_t, 16> source{};
  std::uint16_t sourcePort = 0;
  std::string_view problem;
};

// Longer ones are malformed: what may follow the addresses is of no use here.
inline constexpr std::size_t kLongestProxyHeader = 4096;

ProxyHeader parseProxyHeader(std::string_view bytes);

}  // namespace slotless::protocol
