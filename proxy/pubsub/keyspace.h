// The channels on which servers tell what happens to keys, each server of its own.
// Source: redis.io/docs/manual/keyspace-notifications.
#pragma once
#include <string_view>

namespace slotless::pubsub {

bool isKeyspaceChannel(std::string_view channel) noexcept;
bool canMatchKeyspace(std::string_view pattern) noexcept;

}  // namespace slotless::pubsub
