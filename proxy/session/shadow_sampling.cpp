#include "proxy/session/shadow_sampling.h"

#include <utility>

#include "protocol/comparable_reply.h"
#include "proxy/observe/shadow_queue.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::session {

using observe::ShadowQueue;
using protocol::CommandSpec;

bool isComparable(const CommandSpec& spec) {
  using protocol::Handling;
  using protocol::KeyProcedure;
  using protocol::ReplyNames;
  const bool keyed = spec.handling == Handling::Keyed || spec.handling == Handling::Split;
  const bool reads = spec.has(protocol::kReadOnly) && spec.retryAfterLoss;
  const bool runsCode = spec.scriptText > 0 || spec.scriptSha > 0 || spec.has(protocol::kNoScript);
  // The other side has other names for them.
  const bool namesKeys = spec.namesKeysByPattern || spec.replyNames == ReplyNames::First ||
                         spec.replyNames == ReplyNames::Streams;
  return keyed && reads && !runsCode && !namesKeys && spec.role == protocol::SessionRole::None &&
         spec.sessionKeyword.empty() && spec.keyProcedure != KeyProcedure::AskServer &&
         protocol::tellsDataOnly(spec);
}

void sampleShadow(const config::Config& config, std::uint64_t every, const databases::Database& database,
                  const CommandSpec& spec, protocol::Argv argv, std::span<const std::uint32_t> keys) {
  if (config.shadowSample == 0) return;
  // What has been passed over since the last one.
  thread_local std::uint64_t passed = 0;
  passed += every;
  if (passed < config.shadowSample) return;
  passed -= config.shadowSample;
  if (!isComparable(spec)) return;
  std::size_t bytes = 0;
  for (const std::string_view word : argv) bytes += word.size();
  if (bytes > ShadowQueue::kMostWordBytes) {
    telemetry::ShadowCounts::ofProcess().addSampled();
    return telemetry::ShadowCounts::ofProcess().addDropped(telemetry::ShadowDrop::Large);
  }
  observe::ShadowSample sample{spec.name, database.index};
  sample.words.assign(argv.begin(), argv.end());
  sample.keys.assign(keys.begin(), keys.end());
  sample.order = protocol::replyOrderOf(spec);
  ShadowQueue::ofProcess().offer(std::move(sample));
}

}  // namespace slotless::session
