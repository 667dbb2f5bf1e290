// Versions of TLS as texts, as redis.conf has them: "TLSv1.2 TLSv1.3". Older ones are not to be had.
#pragma once

#include <optional>
#include <string_view>

namespace slotless::config {

struct TlsVersions {
  bool tls12 = true;
  bool tls13 = true;

  bool operator==(const TlsVersions&) const = default;
};

// Empty: both. nullopt: something in it is no such version.
std::optional<TlsVersions> parseTlsVersions(std::string_view text);

}  // namespace slotless::config
