// What is told to PROXY HOTKEYS of a request that is looked at (telemetry::HotKeys): one in hot-keys-sample,
// or one in shadow-sample or trace-sample if these are more. Of them shadow-sample and trace-sample have
// their parts (shadow_sampling.h, trace_sampling.h).
//
// Keys are the client's names of its database. Of a request with several keys one stands for all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/slot.h"
#include "proxy/databases/database.h"

namespace slotless::session {

struct Services;

// One of so many requests is looked at; 0: none.
std::uint64_t samplingStep(const config::Config& config) noexcept;

// A plain command, whose key the nodes have in `slot`.
void samplePlain(const Services& services, const databases::Database& database,
                 const protocol::CommandSpec& spec, protocol::Argv argv, protocol::Slot slot,
                 std::size_t bytes);

// The same in two steps, for what may turn out to have to wait: then it is looked at again when it goes on.
struct KeySight {
  std::uint32_t database;
  std::string key;
  protocol::Slot slot;
  bool writes;
  double keys;
  double bytes;
};
// `plain`: the client is in no special state.
std::optional<KeySight> sightOf(const Services& services, const databases::Database& database,
                                const protocol::CommandSpec& spec, protocol::Argv argv, std::size_t bytes,
                                bool plain);
void sampleKey(const Services& services, const KeySight& sight);

}  // namespace slotless::session
