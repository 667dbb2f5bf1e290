// Redis's patterns: '*', '?', '[abc]', '[^a-z]', '\x'.
// Source: redis.io/commands/psubscribe and the behaviour of Redis 7.0.
#pragma once
#include <string_view>

namespace slotless::protocol {

bool matchesGlob(std::string_view pattern, std::string_view text) noexcept;

// Is there any text that begins with `prefix` and matches? May say yes where a later part of the pattern
// matches nothing.
bool canMatchPrefix(std::string_view pattern, std::string_view prefix) noexcept;

}  // namespace slotless::protocol
