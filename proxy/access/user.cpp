#include "proxy/access/user.h"

#include <algorithm>

#include "protocol/glob.h"
#include "proxy/access/digest.h"

namespace slotless::access {

bool accepts(const User* user, std::string_view password) {
  static const User nobody;  // is off
  const User& asked = user == nullptr ? nobody : *user;
  // Hashed for everybody: how long a refusal takes must not tell who exists and is on.
  const std::string digest = digestOf(password);
  bool right = asked.withoutPassword;
  for (const std::string& each : asked.passwords) right = sameDigest(each, digest) || right;
  return right && asked.enabled;
}

bool mayUse(const User& user, const config::Endpoint& listener) {
  const auto& listeners = user.limits.listeners;
  return !listeners || std::find(listeners->begin(), listeners->end(), listener) != listeners->end();
}

bool maySelect(const User& user, std::uint32_t database) noexcept {
  return !user.limits.databases || includes(*user.limits.databases, database);
}

bool mayHear(const Selector& selector, std::string_view channel, bool isPattern) {
  return selector.allChannels ||
         std::any_of(selector.channels.begin(), selector.channels.end(), [&](const std::string& each) {
           return isPattern ? each == channel : protocol::matchesGlob(each, channel);
         });
}

bool mayHear(const User& user, std::string_view channel, bool isPattern) {
  return mayHear(user.root, channel, isPattern) ||
         std::any_of(user.selectors.begin(), user.selectors.end(),
                     [&](const Selector& each) { return mayHear(each, channel, isPattern); });
}

bool includes(const DatabaseSet& set, std::uint32_t database) noexcept {
  return std::any_of(set.begin(), set.end(),
                     [&](const auto& range) { return range.first <= database && database <= range.second; });
}

}  // namespace slotless::access
