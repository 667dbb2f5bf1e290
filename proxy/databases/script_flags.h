// The flags that a script names on its first line: `#!lua name=x flags=no-writes,no-cluster`.
// Source: redis.io/docs/manual/programmability/lua-api, "Script flags".
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace slotless::databases {

// The script without the flag no-cluster, with which no node of a cluster runs it: a client that sees one
// server may. Lines keep their numbers. nullopt: it has no such flag.
std::optional<std::string> withoutClusterFlag(std::string_view script);

// The script with the flag allow-cross-slot-keys, if it has a line for flags: without such a line servers let
// it call keys of several slots.
std::string withCrossSlotFlag(std::string_view script);

// May a function of the library be flagged so where it is registered?
bool mayFlagNoCluster(std::string_view library);

}  // namespace slotless::databases
