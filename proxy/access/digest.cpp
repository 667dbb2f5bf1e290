#include "proxy/access/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace slotless::access {
namespace {

std::string hexOf(std::span<const unsigned char> bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const unsigned char byte : bytes) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 15U];
  }
  return text;
}

}  // namespace

std::string digestOf(std::string_view password) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(password.data(), password.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return hexOf(std::span(digest).first(size));
}

bool isDigest(std::string_view text) noexcept {
  return text.size() == kDigestBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool sameDigest(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string randomDigits(std::size_t bits) {
  std::vector<unsigned char> bytes((bits + 7) / 8);
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  return hexOf(bytes).substr(0, (bits + 3) / 4);
}

}  // namespace slotless::access
