// What concerns TLS, both ways.
#include <string>

#include "proxy/net/tls_counts.h"
#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {

using net::TlsCounts;
using net::TlsFailure;
using net::TlsSide;
using net::TlsVersion;
using prometheus::MetricType;

namespace {

constexpr TlsSide kSides[] = {TlsSide::Clients, TlsSide::Nodes};

prometheus::MetricFamily handshakes() {
  auto family = makeFamily("slotless_tls_handshakes_total", "TLS handshakes that came to their end.",
                           MetricType::Counter);
  for (const TlsSide side : kSides) {
    for (const TlsVersion version : {TlsVersion::Tls12, TlsVersion::Tls13}) {
      for (const bool resumed : {false, true}) {
        const std::uint64_t count = TlsCounts::ofProcess().handshakes(side, version, resumed);
        if (count == 0) continue;
        addSample(family, static_cast<double>(count),
                  {{"side", std::string(net::tlsSideName(side))},
                   {"version", std::string(net::kTlsVersionNames[static_cast<std::size_t>(version)])},
                   {"resumed", resumed ? "yes" : "no"}});
      }
    }
  }
  return family;
}

prometheus::MetricFamily failures() {
  auto family = makeFamily("slotless_tls_failures_total", "TLS handshakes that failed.", MetricType::Counter);
  for (const TlsSide side : kSides) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(TlsFailure::Count); ++i) {
      const auto reason = static_cast<TlsFailure>(i);
      addSample(family, static_cast<double>(TlsCounts::ofProcess().failures(side, reason)),
                {{"side", std::string(net::tlsSideName(side))},
                 {"reason", std::string(net::tlsFailureName(reason))}});
    }
  }
  return family;
}

}  // namespace

void collectTls(const MetricsSources& sources, Families& families) {
  auto expiry =
      makeFamily("slotless_tls_certificate_expiry_seconds",
                 "When a certificate that is presented ends, since the Unix epoch.", MetricType::Gauge);
  for (const CertificateFacts& each : sources.certificates()) {
    addSample(expiry, static_cast<double>(each.expiry),
              {{"side", std::string(each.side)}, {"file", each.file}});
  }
  families.push_back(std::move(expiry));
  families.push_back(handshakes());
  families.push_back(failures());
}

}  // namespace slotless::telemetry
