// What the kernel of this machine allows.
#include "proxy/doctor/checks.h"

namespace slotless::doctor {

namespace {

Sightings backlog(const Facts& facts) {
  const auto most = facts.machine.mostBacklog;
  if (!most || *most >= facts.config.tcpBacklog) return {};
  return {{"", "net.core.somaxconn is " + std::to_string(*most) + ", and tcp-backlog " +
                   std::to_string(facts.config.tcpBacklog)}};
}

Sightings descriptors(const Facts& facts) {
  const Machine& machine = facts.machine;
  if (!machine.descriptors || !machine.clientsThatFit || *machine.clientsThatFit >= facts.config.maxClients)
    return {};
  return {{"", "a process may have " + std::to_string(*machine.descriptors) +
                   " descriptors here, which is enough for " + std::to_string(*machine.clientsThatFit) +
                   " clients, and max-clients is " + std::to_string(facts.config.maxClients)}};
}

Sightings overcommit(const Facts& facts) {
  if (!facts.machine.nodesRunHere || facts.machine.overcommit.value_or(1) != 0) return {};
  return {{"", "vm.overcommit_memory is 0, and nodes run on this machine"}};
}

constexpr Check kMachineChecks[] = {
    {"descriptors", Severity::Warning, descriptors,
     "The proxy lowers max-clients to what fits, and refuses more.",
     "Raise the limit: LimitNOFILE= of the unit, ulimit -n, or --ulimit nofile of the container."},
    {"backlog", Severity::Warning, backlog,
     "When many clients connect at once, those that do not fit wait for seconds until they try again.",
     "sysctl -w net.core.somaxconn=4096 (and in /etc/sysctl.d)"},
    {"overcommit", Severity::Warning, overcommit,
     "Saves, rewrites and full synchronisations of nodes fail when memory is scarce.",
     "sysctl -w vm.overcommit_memory=1 (and in /etc/sysctl.d)"},
};

}  // namespace

std::span<const Check> machineChecks() {
  return kMachineChecks;
}

}  // namespace slotless::doctor
