// Looks at what hiredis has parsed without copying it: a part that is missing or of another type is empty,
// and whoever asks for a part of it gets nothing again. Valid as long as the reply is.
#pragma once

#include <span>
#include <string_view>

struct redisReply;

namespace slotless::upstream {

// What a string or a status says; of everything else, and of nullptr: nothing.
std::string_view textOf(const redisReply* reply) noexcept;

// Of an array, or of RESP3's maps and sets, which hiredis 0.14 does not know by name.
std::span<redisReply* const> elementsOf(const redisReply* reply) noexcept;
bool isList(const redisReply& reply) noexcept;

// The value behind `key` where keys and values take turns, as RESP2 shows maps; nullptr: it is not there.
const redisReply* valueOf(const redisReply* pairs, std::string_view key) noexcept;

}  // namespace slotless::upstream
