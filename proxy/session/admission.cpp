#include "proxy/session/admission.h"

#include <optional>

#include "config/listener.h"
#include "config/network.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

namespace {

using telemetry::Limit;

struct Refusal {
  Limit limit;
  std::string_view reason;  // for the log
  std::string_view line;
};
constexpr Refusal kRefusals[] = {
    {Limit::Address, "its address is not allowed, or denied", {}},
    {Limit::ClientsPerAddress, "max-clients-per-address",
     "-ERR max number of clients of this address reached\r\n"},
    {Limit::AcceptRate, "accept-rate-per-address", "-ERR too many new connections from this address\r\n"},
};

bool isAllowed(const Client& client, const config::Config& config) {
  const auto address = config::ipBytes(client.peer().host);
  if (!address) return true;
  const config::ListenerOptions& here = client.listenerOptions();
  const auto& allow = config::effective(here.allow, config.allow);
  return !config::anyContains(config::effective(here.deny, config.deny), *address) &&
         (allow.empty() || config::anyContains(allow, *address));
}

}  // namespace

bool isTrustedBalancer(const Services& services, std::size_t listener, const net::Address& peer) {
  const config::ListenerOptions& here = services.config.listen[listener].options;
  const auto address = config::ipBytes(peer.host);
  return !address ||
         config::anyContains(
             config::effective(here.proxyProtocolTrusted, services.config.proxyProtocolTrusted), *address);
}

bool admits(Client& client, Services& services, std::string_view& line) {
  const std::optional<Limit> limit =
      isAllowed(client, services.config) ? client.joinAddress(Client::Since::Now) : Limit::Address;
  if (!limit) return true;
  for (const Refusal& each : kRefusals) {
    if (each.limit != *limit) continue;
    static log::RateLimit often(1);
    log::write(often, services.host.now, log::Level::Warn, "client refused",
               {{"peer", client.peer().text()}, {"reason", each.reason}});
    line = each.line;
  }
  services.metrics.limits[static_cast<std::size_t>(*limit)].add();
  return false;
}

void noteRefusedHeader(Services& services, const net::Address& peer, std::string_view reason) {
  services.metrics.proxyHeadersRefused.add();
  static log::RateLimit often(1);
  log::write(often, services.host.now, log::Level::Warn, "connection refused by its PROXY protocol header",
             {{"peer", peer.text()}, {"reason", reason}});
}

}  // namespace slotless::session
