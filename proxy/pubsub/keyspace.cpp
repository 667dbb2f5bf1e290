#include "proxy/pubsub/keyspace.h"

#include <algorithm>
#include <array>

#include "protocol/glob.h"

namespace slotless::pubsub {

namespace {

constexpr std::array<std::string_view, 2> kPrefixes = {kKeyspaceWord, kKeyeventWord};

}  // namespace

bool isKeyspaceChannel(std::string_view channel) noexcept {
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return channel.starts_with(prefix); });
}

bool canMatchKeyspace(std::string_view pattern) noexcept {
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return protocol::canMatchPrefix(pattern, prefix); });
}

}  // namespace slotless::pubsub
