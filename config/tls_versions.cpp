#include "config/tls_versions.h"

#include <algorithm>
#include <cctype>

namespace slotless::config {

namespace {

bool isWord(std::string_view word, std::string_view wanted) {
  return std::equal(word.begin(), word.end(), wanted.begin(), wanted.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

}  // namespace

std::optional<TlsVersions> parseTlsVersions(std::string_view text) {
  TlsVersions versions{false, false};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    if (isWord(word, "TLSv1.2")) {
      versions.tls12 = true;
    } else if (isWord(word, "TLSv1.3")) {
      versions.tls13 = true;
    } else {
      return std::nullopt;
    }
  }
  if (!versions.tls12 && !versions.tls13) return TlsVersions{};
  return versions;
}

}  // namespace slotless::config
