// Texts <-> addresses and blocks of them: `10.0.0.7`, `10.0.0.0/8`, `::1`, `fd00::/8`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parsed.h"

namespace slotless::config {

// Bits beyond the block's own must be 0, lest another block is meant than is written.
Parsed<Network> parseNetwork(std::string_view text);
std::string formatNetwork(const Network& network);

// A numeric address, IPv4 mapped, perhaps with a zone ("fe80::1%eth0"), which is left out. nullopt: none.
using IpBytes = std::array<std::uint8_t, 16>;
std::optional<IpBytes> ipBytes(std::string_view host);

bool isMappedIpv4(const IpBytes& address) noexcept;
bool contains(const Network& network, const IpBytes& address) noexcept;
bool anyContains(std::span<const Network> networks, const IpBytes& address) noexcept;

}  // namespace slotless::config
