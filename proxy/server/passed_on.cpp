#include "proxy/server/passed_on.h"

#include <unistd.h>

#include <charconv>
#include <optional>
#include <utility>
#include <variant>

#include "config/cross_checks.h"
#include "proxy/server/endpoints.h"

namespace slotless::server {

namespace {

constexpr int kFirstDescriptor = 3;  // SD_LISTEN_FDS_START
constexpr int kMaxDescriptors = 1024;

std::optional<int> numberIn(const config::Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  if (found == environment.end()) return std::nullopt;
  const std::string& text = found->second;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool isEveryAddress(const config::Endpoint& endpoint) {
  return endpoint.host.empty() || endpoint.host == "::" || endpoint.host == "0.0.0.0";
}

config::ListenerOptions optionsFor(const config::Endpoint& endpoint, const config::Config& config) {
  for (const config::Listener& named : config.listen) {
    const bool sameHost = named.host == endpoint.host || (isEveryAddress(named) && isEveryAddress(endpoint));
    if (named.path == endpoint.path && named.port == endpoint.port && sameHost) return named.options;
  }
  return {};
}

}  // namespace

PassedOn takePassedOn(const config::Environment& environment) {
  PassedOn result;
  if (numberIn(environment, "LISTEN_PID") != getpid()) return result;
  const int count = numberIn(environment, "LISTEN_FDS").value_or(0);
  if (count < 0 || count > kMaxDescriptors) {
    result.error = "LISTEN_FDS is not a number from 0 to " + std::to_string(kMaxDescriptors);
    return result;
  }
  for (int descriptor = kFirstDescriptor; descriptor < kFirstDescriptor + count; ++descriptor) {
    std::string error;
    net::ListeningSocket socket = net::ListeningSocket::inherited(descriptor, error);
    if (!socket) {
      result.error =
          "cannot listen on the descriptor " + std::to_string(descriptor) + " that was passed on: " + error;
      return result;
    }
    result.sockets.push_back(std::move(socket));
  }
  return result;
}

std::vector<config::Endpoint> endpointsOf(const std::vector<net::ListeningSocket>& sockets) {
  std::vector<config::Endpoint> endpoints;
  for (const net::ListeningSocket& socket : sockets) endpoints.push_back(endpointOf(socket));
  return endpoints;
}

config::LoadResult withListeners(config::LoadResult loaded, const std::vector<config::Endpoint>& listeners) {
  auto* config = std::get_if<config::Config>(&loaded);
  if (config == nullptr || listeners.empty()) return loaded;
  std::vector<config::Listener> used;
  for (const config::Endpoint& endpoint : listeners)
    used.push_back({endpoint, optionsFor(endpoint, *config)});
  config->listen = std::move(used);
  config::Errors errors;
  for (const config::Conflict& conflict : config::conflicts(*config)) {
    errors.push_back(
        {"sockets that were passed on", std::string(conflict.options.front()), conflict.problem});
  }
  if (!errors.empty()) return errors;
  return loaded;
}

}  // namespace slotless::server
