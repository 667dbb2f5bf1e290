#include "proxy/server/passed_on.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "config/cross_checks.h"
#include "proxy/net/resolver.h"
#include "proxy/server/endpoints.h"

namespace slotless::server {

namespace {

constexpr int kFirstDescriptor = 3;  // SD_LISTEN_FDS_START
constexpr int kMaxDescriptors = 1024;
// How long a name may take to be found out.
constexpr net::Millis kPatience{10'000};

// What LISTEN_FDNAMES calls the descriptors of a predecessor; others are called otherwise.
constexpr std::string_view kChannel = "slotless-channel";
constexpr std::string_view kSocket = "slotless-socket";
constexpr std::string_view kSocketWithFile = "slotless-socket-with-file";  // which its listener has to remove

constexpr std::array<std::string_view, 4> kVariables = {"LISTEN_PID", "LISTEN_PPID", "LISTEN_FDS",
                                                        "LISTEN_FDNAMES"};

std::optional<int> numberIn(const config::Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  if (found == environment.end()) return std::nullopt;
  const std::string& text = found->second;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<std::string_view> namesIn(const config::Environment& environment) {
  std::vector<std::string_view> names;
  const auto found = environment.find("LISTEN_FDNAMES");
  if (found == environment.end()) return names;
  const std::string_view text = found->second;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    names.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

bool isEveryAddress(const config::Endpoint& endpoint) {
  return endpoint.host.empty() || endpoint.host == "::" || endpoint.host == "0.0.0.0";
}

// A name in the configuration has become an address.
bool resolvesTo(const std::string& host, const std::string& address) {
  if (host.empty()) return false;
  const std::vector<std::string> found = net::Resolver::ofProcess().await(host, kPatience).addresses;
  return std::find(found.begin(), found.end(), address) != found.end();
}

bool isSameHost(const config::Endpoint& one, const config::Endpoint& other) {
  return one.host == other.host || (isEveryAddress(one) && isEveryAddress(other)) ||
         resolvesTo(one.host, other.host);
}

config::ListenerOptions optionsFor(const config::Endpoint& endpoint, const config::Config& config) {
  for (const config::Listener& named : config.listen) {
    if (named.path == endpoint.path && named.port == endpoint.port && isSameHost(named, endpoint))
      return named.options;
  }
  return {};
}

}  // namespace

PassedOn takePassedOn(const config::Environment& environment) {
  PassedOn result;
  const bool succeeds = numberIn(environment, "LISTEN_PPID") == getppid();
  if (!succeeds && numberIn(environment, "LISTEN_PID") != getpid()) return result;
  const int count = numberIn(environment, "LISTEN_FDS").value_or(0);
  if (count < 0 || count > kMaxDescriptors) {
    result.error = "LISTEN_FDS is not a number from 0 to " + std::to_string(kMaxDescriptors);
    return result;
  }
  // What else the predecessor had open is not ours: it would stay open when the predecessor closes it.
  if (succeeds) ::close_range(static_cast<unsigned>(kFirstDescriptor + count), ~0U, 0);
  const std::vector<std::string_view> names = namesIn(environment);
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const int descriptor = kFirstDescriptor + i;
    const std::string_view name = index < names.size() ? names[index] : std::string_view();
    if (succeeds && name == kChannel) {
      fcntl(descriptor, F_SETFD, FD_CLOEXEC);
      result.predecessor = descriptor;
      continue;
    }
    std::string error;
    net::ListeningSocket socket = net::ListeningSocket::inherited(descriptor, error);
    if (!socket) {
      result.error =
          "cannot listen on the descriptor " + std::to_string(descriptor) + " that was passed on: " + error;
      return result;
    }
    if (succeeds && name == kSocketWithFile) socket.adoptFile();
    result.sockets.push_back(std::move(socket));
  }
  return result;
}

net::ChildProcess::Program passOn(const Invocation& invocation,
                                  const std::vector<std::unique_ptr<net::Listener>>& listeners, int channel) {
  net::ChildProcess::Program program;
  program.arguments = invocation.arguments;
  for (const auto& [name, value] : invocation.environment) {
    if (std::find(kVariables.begin(), kVariables.end(), name) == kVariables.end())
      program.environment.push_back(name + "=" + value);
  }
  program.descriptors.push_back(channel);
  std::string names(kChannel);
  for (const auto& listener : listeners) {
    const net::ListeningSocket& socket = listener->socket();
    program.descriptors.push_back(socket.descriptor());
    names.append(":").append(socket.removesFile() ? kSocketWithFile : kSocket);
  }
  program.environment.push_back("LISTEN_PPID=" + std::to_string(getpid()));
  program.environment.push_back("LISTEN_FDS=" + std::to_string(program.descriptors.size()));
  program.environment.push_back("LISTEN_FDNAMES=" + names);
  return program;
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
