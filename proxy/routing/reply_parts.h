// Takes whole replies apart, RESP2 or RESP3, as views into their bytes: what the merges need, and no more.
//
// Errors: bytes of another shape give nullopt. The views are good as long as the bytes are.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slotless::routing {

bool isErrorReply(std::string_view reply) noexcept;
bool isNullReply(std::string_view reply) noexcept;
// An array or a set.
bool isListReply(std::string_view reply) noexcept;

// The number behind the type byte; `lineEnd` is where the next line begins.
std::optional<std::int64_t> numberOf(std::string_view reply, std::size_t& lineEnd);
std::optional<std::int64_t> integerOf(std::string_view reply);
// A simple string, a bulk string or a verbatim text, without what frames it.
std::optional<std::string_view> textOf(std::string_view reply);
// A double, in RESP2 as a bulk string.
std::optional<double> doubleOf(std::string_view reply);
// The elements of an array or a set; those of a map as key, value, key, value …
std::optional<std::vector<std::string_view>> elementsOf(std::string_view reply);
// A map, in RESP2 an array with twice as many elements.
using ReplyPairs = std::vector<std::pair<std::string_view, std::string_view>>;
std::optional<ReplyPairs> pairsOf(std::string_view reply);

// Writes in the shape of `like`: a map stays a map, an array of pairs an array; a verbatim text a verbatim
// text.
void appendPairsHeaderLike(std::string& out, std::string_view like, std::size_t pairs);
void appendListHeaderLike(std::string& out, std::string_view like, std::size_t elements);
void appendTextLike(std::string& out, std::string_view like, std::string_view text);
void appendDoubleLike(std::string& out, std::string_view like, double value);

}  // namespace slotless::routing
