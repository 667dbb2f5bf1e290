#include "proxy/access/subscriber.h"

#include <algorithm>

namespace slotless::access {

namespace {

constexpr std::size_t kSubscriberBytes = 8;

}  // namespace

config::IpBytes subscriberOf(config::IpBytes address) noexcept {
  if (!config::isMappedIpv4(address)) std::fill(address.begin() + kSubscriberBytes, address.end(), 0);
  return address;
}

std::string subscriberKey(std::string_view host) {
  const auto address = config::ipBytes(host);
  if (!address) return std::string(host);
  const config::IpBytes who = subscriberOf(*address);
  return {who.begin(), who.end()};
}

}  // namespace slotless::access
