#include "proxy/server/place.h"

#include <unistd.h>

#include <array>

#include "config/endpoint.h"

namespace slotless::server {

std::string placeOf(const config::Config& config) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::string place = std::string(host.data()) + " process " + std::to_string(getpid());
  for (const config::Listener& listener : config.listen) place += " " + config::formatEndpoint(listener);
  return place;
}

}  // namespace slotless::server
