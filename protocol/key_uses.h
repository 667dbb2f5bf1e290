// What a request does to each of its keys: the keys of key_extraction.h, with the flags that say whether it
// reads or changes them.
// Source: Redis 7.0 db.c getKeysFromCommandWithSpecs() and the get*Keys procedures for what specs cannot
// express.
#pragma once
#include <cstdint>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/key_extraction.h"

namespace slotless::protocol {

struct KeyUse {
  std::uint32_t position = 0;  // in argv
  std::uint32_t flags = 0;     // KeySpecFlag bits; without any of access, update, insert, delete: it only
                               // looks at what the key is
};

// `uses` is cleared first, and is in no order; NOT_KEY arguments are left out. Where nobody says what is done
// to a key, it counts as read and changed. Invalid: as for keyPositions().
KeyResult keyUses(const CommandSpec& spec, Argv argv, std::vector<KeyUse>& uses);

}  // namespace slotless::protocol
