// The tokens of a Lua script, without comments and blanks.
//
// Views into the script. A small reading, no parser: what it does not understand is nothing. Source: Lua 5.1
// Reference Manual, section 2.1.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace slotless::databases {

enum class LuaKind : std::uint8_t { Name, Text, Other };  // numbers are names; others are single characters

struct LuaToken {
  LuaKind kind;
  std::string_view text;  // of a string its contents, as they are written
};

// A line "#!…" in front is left out. nullopt: it is no Lua that is understood here.
std::optional<std::vector<LuaToken>> luaTokensOf(std::string_view script);

// What gives access to everything that has a name.
bool isLuaReflection(std::string_view name) noexcept;
// The script may use it, as far as its text tells; what is not understood may.
bool mayReflect(std::string_view script);

}  // namespace slotless::databases
