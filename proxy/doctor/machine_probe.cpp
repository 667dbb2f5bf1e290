#include "proxy/doctor/machine_probe.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>

#include "proxy/server/descriptor_limit.h"

namespace slotless::doctor {

namespace {

std::optional<std::uint64_t> numberIn(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

std::string numericHost(const sockaddr& address) {
  const socklen_t size = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::array<char, NI_MAXHOST> text{};
  if (getnameinfo(&address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text.data();
}

}  // namespace

Machine lookAtMachine(const std::string& procFolder) {
  Machine machine;
  machine.mostBacklog = numberIn(procFolder + "/sys/net/core/somaxconn");
  machine.overcommit = numberIn(procFolder + "/sys/vm/overcommit_memory");
  rlimit limit{};
  // The daemon raises its limit as far as it may.
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    machine.descriptors = limit.rlim_max;
    machine.clientsThatFit = server::clientsThatFit(limit.rlim_max);
  }
  return machine;
}

std::vector<std::string> resolve(const std::string& host, std::string& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failure = getaddrinfo(host.c_str(), nullptr, &hints, &list)) {
    error = gai_strerror(failure);
    return {};
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, &freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next)
    addresses.push_back(numericHost(*each->ai_addr));
  return addresses;
}

bool isOwnAddress(const std::vector<std::string>& addresses) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(list, &freeifaddrs);
  const auto isHere = [&](const std::string& address) {
    if (address.starts_with("127.") || address == "::1") return true;
    for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
      if (each->ifa_addr == nullptr) continue;
      const int family = each->ifa_addr->sa_family;
      if ((family == AF_INET || family == AF_INET6) && numericHost(*each->ifa_addr) == address) return true;
    }
    return false;
  };
  return std::any_of(addresses.begin(), addresses.end(), isHere);
}

}  // namespace slotless::doctor
