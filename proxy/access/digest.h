// Passwords are kept, compared and shown as SHA-256 in lower-case hexadecimal digits, as Redis does.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace slotless::access {

inline constexpr std::size_t kDigestBytes = 64;

std::string digestOf(std::string_view password);
bool isDigest(std::string_view text) noexcept;
// Takes the same time wherever they differ.
bool sameDigest(std::string_view a, std::string_view b) noexcept;
// That many random bits, in hexadecimal digits, rounded up to whole ones. Empty: there is no randomness.
std::string randomDigits(std::size_t bits);

}  // namespace slotless::access
