#include "proxy/net/tls_counts.h"

#include <algorithm>

namespace slotless::net {

namespace {

template <typename Enum>
constexpr std::size_t indexOf(Enum value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

std::string_view tlsSideName(TlsSide side) noexcept {
  constexpr std::array<std::string_view, indexOf(TlsSide::Count)> kNames = {"clients", "nodes"};
  return kNames[indexOf(side)];
}

std::string_view tlsFailureName(TlsFailure reason) noexcept {
  constexpr std::array<std::string_view, indexOf(TlsFailure::Count)> kNames = {
      "certificate", "refused", "protocol", "no_tls", "timeout", "closed", "other"};
  return kNames[indexOf(reason)];
}

TlsCounts& TlsCounts::ofProcess() {
  static TlsCounts counts;
  return counts;
}

void TlsCounts::succeeded(TlsSide side, std::string_view version, bool resumed) noexcept {
  const auto* const found = std::find(kTlsVersionNames.begin(), kTlsVersionNames.end(), version);
  if (found == kTlsVersionNames.end()) return;
  const auto at = static_cast<std::size_t>(found - kTlsVersionNames.begin());
  handshakes_[indexOf(side)][at][resumed ? 1 : 0].fetch_add(1, std::memory_order_relaxed);
}

void TlsCounts::failed(TlsSide side, TlsFailure reason, const std::string& peer, const std::string& text,
                       Clock::time_point now) {
  failures_[indexOf(side)][indexOf(reason)].fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard guard(mutex_);
  Trouble& trouble = troubles_[indexOf(side)];
  trouble = {trouble.failures + 1, peer, text, now};
}

std::uint64_t TlsCounts::handshakes(TlsSide side, TlsVersion version, bool resumed) const noexcept {
  return handshakes_[indexOf(side)][indexOf(version)][resumed ? 1 : 0].load(std::memory_order_relaxed);
}

std::uint64_t TlsCounts::failures(TlsSide side, TlsFailure reason) const noexcept {
  return failures_[indexOf(side)][indexOf(reason)].load(std::memory_order_relaxed);
}

TlsCounts::Trouble TlsCounts::trouble(TlsSide side) const {
  const std::lock_guard guard(mutex_);
  return troubles_[indexOf(side)];
}

}  // namespace slotless::net
