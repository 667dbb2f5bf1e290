// The admin HTTP server: /metrics, /healthz, /readyz and a site (admin_site.h) on one address.
//
// A few hundred bytes in, one page out: small enough for a loop of its own, which no number of slow or silent
// connections can blind, as they can a pool of threads that each wait for one. A request has
// kAdminRequestTimeoutMillis to arrive as a whole, its TLS handshake included; above kAdminMaxConnections, or
// kAdminMaxPerAddress from one address, the oldest makes room for the newest. Streams of events are counted
// by themselves; who does not take an event is not given the next one.
//
// /healthz and /readyz are called on the server's thread and must be quick; all else on another one. For
// these two and /metrics there are no passwords: whoever may connect, and has the certificate that is
// demanded, sees them. What the site shows to whom is its own affair.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/net/address/address.h"
#include "proxy/net/tls_source.h"

namespace slotless::telemetry {

inline constexpr std::size_t kAdminMaxConnections = 32;
inline constexpr std::size_t kAdminMaxPerAddress = 16;
inline constexpr std::size_t kAdminMaxStreams = 8;
inline constexpr std::size_t kAdminMaxRequestBytes = 8192;  // request line and headers
inline constexpr std::size_t kAdminMaxBodyBytes = 4096;
inline constexpr unsigned kAdminRequestTimeoutMillis = 1000;  // from the connection to the end of the headers
inline constexpr unsigned kAdminAnswerTimeoutMillis = 5000;   // for the page to be taken
inline constexpr unsigned kAdminStopTimeoutMillis = 1000;     // for the same when the server stops
inline constexpr unsigned kAdminStreamMillis = 2000;          // from one event of a stream to the next
inline constexpr unsigned kAdminStreamEvents = 150;           // then it ends: five minutes

class AdminSite;

struct AdminPages {
  std::function<std::string()> metrics;                     // in the format kMetricsContentType
  std::function<std::optional<std::string>()> whyNotReady;  // nullopt: ready
  std::function<std::optional<std::string>()> whyNotAlive = [] { return std::optional<std::string>(); };
  std::shared_ptr<AdminSite> site = nullptr;  // of all other paths; nullptr: these are not found
};

class AdminServer;

class AdminHttp {
 public:
  struct Started;

  // Where, as ListeningSocket::tcp() has it. `tls`: what it is served with; nullptr: without TLS.
  static Started start(const std::string& host, std::uint16_t port, AdminPages pages,
                       net::TlsSourcePtr tls = nullptr);

  AdminHttp(const AdminHttp&) = delete;
  AdminHttp& operator=(const AdminHttp&) = delete;
  // Refuses new requests (503), lets those being answered finish within kAdminStopTimeoutMillis, and joins
  // the threads.
  ~AdminHttp();

  std::uint16_t port() const noexcept { return bound_.port; }
  std::string address() const;  // "host:port" as bound, host numeric

 private:
  AdminHttp(std::unique_ptr<AdminServer> server, net::Address bound);
  std::unique_ptr<AdminServer> server_;
  net::Address bound_;  // the host numeric
};

// Either a server or, as text for the operator, why there is none.
struct AdminHttp::Started {
  std::unique_ptr<AdminHttp> server;
  std::string error;
};

}  // namespace slotless::telemetry
