#include "proxy/pubsub/keyspace.h"

#include <algorithm>
#include <array>

#include "protocol/glob.h"
#include "protocol/operand_names.h"

namespace slotless::pubsub {

namespace {

constexpr std::array<std::string_view, 2> kPrefixes = {kKeyspaceWord, kKeyeventWord};

}  // namespace

bool isKeyspaceChannel(std::string_view channel) noexcept {
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return channel.starts_with(prefix); });
}

bool isOfOtherDatabase(std::string_view channel) noexcept {
  if (!isKeyspaceChannel(channel) || isNotification(channel)) return false;
  channel.remove_prefix(kKeyspaceWord.size());
  const auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
  const auto digits = std::find_if_not(channel.begin(), channel.end(), isDigit) - channel.begin();
  return digits > 0 && channel.substr(static_cast<std::size_t>(digits)).starts_with(kDatabaseEnd);
}

bool isAboutOperand(std::string_view channel, std::string_view payload) noexcept {
  if (!channel.starts_with(kKeyspaceWord)) return protocol::isOperandName(payload);
  const std::size_t end = channel.find(kDatabaseEnd, kKeyspaceWord.size());
  return end != std::string_view::npos && protocol::isOperandName(channel.substr(end + kDatabaseEnd.size()));
}

bool canMatchKeyspace(std::string_view pattern) noexcept {
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return protocol::canMatchPrefix(pattern, prefix); });
}

}  // namespace slotless::pubsub
