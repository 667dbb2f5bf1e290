#include "config/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace slotless::config {

namespace {

constexpr IpBytes kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t kMappedBits = 96;

std::uint8_t maskOf(unsigned bits) noexcept {
  return static_cast<std::uint8_t>(0xffU << (8U - std::min(bits, 8U)));
}

// The bits of one byte that belong to a block.
unsigned bitsIn(std::size_t byte, unsigned bits) noexcept {
  const auto before = static_cast<unsigned>(byte) * 8;
  return bits <= before ? 0 : std::min(bits - before, 8U);
}

bool hasBitsBeyond(const Network& network) noexcept {
  for (std::size_t i = 0; i < network.address.size(); ++i) {
    const auto rest = static_cast<std::uint8_t>(~maskOf(bitsIn(i, network.bits)));
    if ((network.address[i] & rest) != 0) return true;
  }
  return false;
}

}  // namespace

std::optional<IpBytes> ipBytes(std::string_view host) {
  const std::string text(host.substr(0, host.find('%')));
  IpBytes address = kMapped;
  if (inet_pton(AF_INET, text.c_str(), address.data() + 12) == 1) return address;
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  return std::nullopt;
}

bool isMappedIpv4(const IpBytes& address) noexcept {
  return std::equal(address.begin(), address.begin() + 12, kMapped.begin());
}

Parsed<Network> parseNetwork(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = ipBytes(text.substr(0, slash));
  if (!address || text.find('%') != std::string_view::npos) return {{}, "it does not begin with an address"};
  Network network{*address, 128};
  if (slash == std::string_view::npos) return {network, ""};
  // Written as IPv6 it counts as IPv6.
  const bool ipv4 = text.find(':') == std::string_view::npos;
  const unsigned most = ipv4 ? 32 : 128;
  const std::string_view length = text.substr(slash + 1);
  unsigned bits = 0;
  const auto end = length.data() + length.size();
  const auto [at, error] = std::from_chars(length.data(), end, bits);
  if (error != std::errc{} || at != end || bits > most)
    return {{}, "after the / there must be a number from 0 to " + std::to_string(most)};
  network.bits = static_cast<std::uint8_t>(bits + (ipv4 ? kMappedBits : 0));
  if (hasBitsBeyond(network)) return {{}, "its address has bits beyond the first " + std::to_string(bits)};
  return {network, ""};
}

std::string formatNetwork(const Network& network) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool ipv4 = isMappedIpv4(network.address) && network.bits >= kMappedBits;
  inet_ntop(ipv4 ? AF_INET : AF_INET6, network.address.data() + (ipv4 ? 12 : 0), text.data(), text.size());
  std::string result(text.data());
  if (network.bits == 128) return result;
  return result + "/" + std::to_string(network.bits - (ipv4 ? kMappedBits : 0));
}

bool contains(const Network& network, const IpBytes& address) noexcept {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const std::uint8_t mask = maskOf(bitsIn(i, network.bits));
    if (((network.address[i] ^ address[i]) & mask) != 0) return false;
  }
  return true;
}

bool anyContains(std::span<const Network> networks, const IpBytes& address) noexcept {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& each) { return contains(each, address); });
}

}  // namespace slotless::config
