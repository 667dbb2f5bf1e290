// Who may come in here as an administrator.
#include "proxy/doctor/checks.h"
#include "proxy/server/open_administrators.h"

namespace slotless::doctor {

namespace {

Sightings openAdministrators(const Facts& facts) {
  Sightings found;
  for (const server::OpenAdministrator& each : server::openAdministrators(facts.config))
    found.push_back({each.name, each.text()});
  return found;
}

constexpr Check kDoorChecks[] = {
    {"open-administrator", Severity::Warning, openAdministrators,
     "Whoever knows the name administers this proxy, or takes the account for one that lets people in.",
     "Give the user a password (>PASSWORD, or #SHA256 of it) in place of nopass, or switch it off; where there are no users, set client-password."},
};

}  // namespace

std::span<const Check> doorChecks() {
  return kDoorChecks;
}

}  // namespace slotless::doctor
