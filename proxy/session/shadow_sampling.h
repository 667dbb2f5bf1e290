// Which of the requests that are looked at (key_sampling.h) are asked again on both sides of a migration
// (shadow-sample), and what is kept of them for that.
#pragma once
#include <cstdint>
#include <span>

#include "config/config.h"
#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/databases/database.h"

namespace slotless::session {

// It only reads, and its reply depends on nothing but what its keys hold: it can be asked again, and must be
// answered alike by whoever has the same data.
bool isComparable(const protocol::CommandSpec& spec);

// One of `every` requests has come here. `argv` as the client has sent it, `keys` are positions in it.
void sampleShadow(const config::Config& config, std::uint64_t every, const databases::Database& database,
                  const protocol::CommandSpec& spec, protocol::Argv argv,
                  std::span<const std::uint32_t> keys);

}  // namespace slotless::session
