// The admin HTTP server: /metrics, /healthz and /readyz on one address, by civetweb on threads of its own.
//
// The pages are called on those threads, up to kAdminThreads at once: they must be thread-safe. Neither TLS
// nor authentication: bind it where only operators are.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace slotless::telemetry {

inline constexpr unsigned kAdminThreads = 4;
inline constexpr unsigned kAdminMaxRequestBytes = 8192;  // request line and headers
inline constexpr unsigned kAdminRequestTimeoutMillis = 5000;

struct AdminPages {
  std::function<std::string()> metrics;                     // in the format kMetricsContentType
  std::function<std::optional<std::string>()> whyNotReady;  // nullopt: ready
};

class AdminHttp {
 public:
  struct Started;
  struct State;  // opaque: only the .cpp knows civetweb

  // Binds the first address that `host` (a name or numeric; empty: all addresses, IPv6 ones if civetweb has
  // IPv6) resolves to; port 0 takes a free port. Resolving blocks: call at start only.
  static Started start(const std::string& host, std::uint16_t port, AdminPages pages);

  AdminHttp(const AdminHttp&) = delete;
  AdminHttp& operator=(const AdminHttp&) = delete;
  // Refuses new requests (503), lets those being answered finish within kAdminRequestTimeoutMillis, and joins
  // the threads.
  ~AdminHttp();

  std::uint16_t port() const noexcept;
  std::string address() const;  // "host:port" as bound, host numeric

 private:
  explicit AdminHttp(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Either a server or, as text for the operator, why there is none.
struct AdminHttp::Started {
  std::unique_ptr<AdminHttp> server;
  std::string error;
};

}  // namespace slotless::telemetry
