// How the TLS handshakes of this process have ended: for metrics, the log and /readyz.
//
// Process-wide and safe on any thread: a handshake costs a thousand times what counting it does.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "proxy/net/tls_context.h"

namespace slotless::net {

// The other end of a handshake.
enum class TlsSide : std::uint8_t { Clients, Nodes, Count };
std::string_view tlsSideName(TlsSide side) noexcept;

inline constexpr std::array<std::string_view, 2> kTlsVersionNames = {"TLSv1.2", "TLSv1.3"};

enum class TlsFailure : std::uint8_t {
  Certificate,  // the peer's is missing, or is not accepted here
  Refused,      // the peer says that it does not accept something of ours
  Protocol,     // no version or cipher in common
  NoTls,        // the peer speaks something else
  Timeout,
  Closed,  // by the peer, in the middle of it
  Other,
  Count
};
std::string_view tlsFailureName(TlsFailure reason) noexcept;

class TlsCounts {
 public:
  using Clock = std::chrono::steady_clock;
  struct Trouble {
    std::uint64_t failures = 0;  // so far
    std::string peer;            // of the last one
    std::string text;
    Clock::time_point when{};
  };

  static TlsCounts& ofProcess();

  void succeeded(TlsSide side, std::string_view version, bool resumed) noexcept;
  void failed(TlsSide side, TlsFailure reason, const std::string& peer, const std::string& text,
              Clock::time_point now = Clock::now());

  std::uint64_t handshakes(TlsSide side, TlsVersion version, bool resumed) const noexcept;
  std::uint64_t failures(TlsSide side, TlsFailure reason) const noexcept;
  Trouble trouble(TlsSide side) const;

 private:
  static constexpr auto kSides = static_cast<std::size_t>(TlsSide::Count);
  using Counts = std::atomic<std::uint64_t>;

  std::array<std::array<std::array<Counts, 2>, kTlsVersionNames.size()>, kSides> handshakes_{};
  std::array<std::array<Counts, static_cast<std::size_t>(TlsFailure::Count)>, kSides> failures_{};
  mutable std::mutex mutex_;
  std::array<Trouble, kSides> troubles_;
};

}  // namespace slotless::net
