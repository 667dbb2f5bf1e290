#include "proxy/session/key_sampling.h"

#include <algorithm>
#include <span>
#include <vector>

#include "config/upstream.h"
#include "protocol/key_extraction.h"
#include "proxy/routing/one_server.h"
#include "proxy/session/services.h"
#include "proxy/session/shadow_sampling.h"
#include "proxy/session/trace_sampling.h"
#include "proxy/telemetry/hot_keys.h"

namespace slotless::session {

using protocol::CommandSpec;
using telemetry::HotKeys;

std::uint64_t samplingStep(const config::Config& config) noexcept {
  std::uint64_t step = 0;
  for (const std::uint64_t wanted : {config.hotKeysSample, config.shadowSample, traceStep(config)})
    if (wanted > 0) step = step == 0 ? wanted : std::min(step, wanted);
  return step;
}

void samplePlain(const Services& services, const databases::Database& database, const CommandSpec& spec,
                 protocol::Argv argv, protocol::Slot slot, std::size_t bytes) {
  const std::uint64_t every = samplingStep(services.config);
  const auto position = static_cast<std::uint32_t>(spec.singleKey);
  sampleShadow(services.config, every, database, spec, argv, std::span(&position, 1));
  if (services.config.hotKeysSample == 0) return HotKeys::skip(every);
  HotKeys::add(
      {database.index, slot, argv[position], spec.has(protocol::kWrite), 1, static_cast<double>(bytes)},
      every, services.host.now);
}

std::optional<KeySight> sightOf(const Services& services, const databases::Database& database,
                                const CommandSpec& spec, protocol::Argv argv, std::size_t bytes, bool plain) {
  const std::uint64_t every = samplingStep(services.config);
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
               samplingStep(services.config), services.host.now);
}

}  // namespace slotless::session
