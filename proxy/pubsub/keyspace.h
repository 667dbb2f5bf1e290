// The channels on which servers tell what happens to keys, each server of its own.
// Source: redis.io/docs/manual/keyspace-notifications.
#pragma once
#include <string_view>

namespace slotless::pubsub {

// What stands before the number of the database, and what behind it.
inline constexpr std::string_view kKeyspaceWord = "__keyspace@";
inline constexpr std::string_view kKeyeventWord = "__keyevent@";
inline constexpr std::string_view kDatabaseEnd = "__:";
// What a cluster's nodes begin their channels with.
inline constexpr std::string_view kNodeKeyspace = "__keyspace@0__:";
inline constexpr std::string_view kNodeKeyevent = "__keyevent@0__:";

bool isKeyspaceChannel(std::string_view channel) noexcept;
bool canMatchKeyspace(std::string_view pattern) noexcept;
// A channel that a cluster's node uses itself.
inline bool isNotification(std::string_view channel) noexcept {
  return channel.starts_with(kNodeKeyspace) || channel.starts_with(kNodeKeyevent);
}

// The same of a database that the node has beside database 0 (Valkey 9 has them in a cluster, too).
bool isOfOtherDatabase(std::string_view channel) noexcept;

// About a value that is somewhere else for a moment, because the proxy needs it there (operand_names.h).
// Requires that it tells of a key, in whichever database.
bool isAboutOperand(std::string_view channel, std::string_view payload) noexcept;

}  // namespace slotless::pubsub
