#include "proxy/session/key_sampling.h"

#include <algorithm>
#include <span>
#include <vector>

#include "config/upstream.h"
#include "protocol/key_extraction.h"
#include "proxy/routing/one_server.h"
#include "proxy/session/services.h"
#include "proxy/session/shadow_sampling.h"
#include "proxy/telemetry/hot_keys.h"

namespace slotless::session {

using protocol::CommandSpec;
using telemetry::HotKeys;

namespace {

// One of so many is looked at; 0: none.
std::uint64_t stepOf(const config::Config& config) noexcept {
  if (config.shadowSample == 0) return config.hotKeysSample;
  if (config.hotKeysSample == 0) return config.shadowSample;
  return std::min(config.hotKeysSample, config.shadowSample);
}

}  // namespace

void samplePlain(const Services& services, const databases::Database& database, const CommandSpec& spec,
                 protocol::Argv argv, protocol::Slot slot, std::size_t bytes) {
  const std::uint64_t every = stepOf(services.config);
  const auto position = static_cast<std::uint32_t>(spec.singleKey);
  sampleShadow(services.config, every, database, spec, argv, std::span(&position, 1));
  if (services.config.hotKeysSample == 0) return HotKeys::skip(every);
  HotKeys::add(
      {database.index, slot, argv[position], spec.has(protocol::kWrite), 1, static_cast<double>(bytes)},
      every, services.host.now);
}

std::optional<KeySight> sightOf(const Services& services, const databases::Database& database,
                                const CommandSpec& spec, protocol::Argv argv, std::size_t bytes, bool plain) {
  const std::uint64_t every = stepOf(services.config);
  HotKeys::skip(every);
  std::vector<std::uint32_t> positions;
  if (every == 0 || protocol::keyPositions(spec, argv, positions) != protocol::KeyResult::Ok)
    return std::nullopt;
  if (positions.empty()) return std::nullopt;
  if (plain) sampleShadow(services.config, every, database, spec, argv, positions);
  if (services.config.hotKeysSample == 0) return std::nullopt;
  // Whichever: the requests that are looked at are chosen by chance.
  thread_local std::size_t turn = 0;
  const std::string_view key = argv[positions[++turn % positions.size()]];
  const protocol::Slot slot =
      config::servesOneServer(services.config) ? routing::kSlotOfAll : database.slotOf(key);
  return KeySight{database.index,
                  std::string(key),
                  slot,
                  spec.has(protocol::kWrite),
                  static_cast<double>(positions.size()),
                  static_cast<double>(bytes)};
}

void sampleKey(const Services& services, const KeySight& sight) {
  HotKeys::add({sight.database, sight.slot, sight.key, sight.writes, sight.keys, sight.bytes},
               stepOf(services.config), services.host.now);
}

}  // namespace slotless::session
