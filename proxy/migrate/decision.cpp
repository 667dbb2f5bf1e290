#include "proxy/migrate/decision.h"

#include <thread>
#include <utility>

#include "protocol/slot.h"
#include "proxy/migrate/replicated.h"
#include "proxy/migrate/target_writer.h"
#include "proxy/subcommand/cluster_view.h"

namespace slotless::migrate {

using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::milliseconds kAskAgain{500};
constexpr std::string_view kChange =
    "local now = redis.call('GET', KEYS[1]) or 'single' "
    "if now ~= ARGV[1] then return now end "
    "if ARGV[1] ~= ARGV[2] then redis.call('SET', KEYS[1], ARGV[2]) end "
    "return ARGV[2]";

}  // namespace

Decision::Decision(const config::Config& config)
    : seeds_(subcommand::clusterUrls(config)), rules_(config.addressMap) {
  options_.tls = subcommand::TlsFiles::of(config);
  options_.connectTimeout = options_.replyTimeout = std::chrono::seconds(2);
  options_.clientName = "slotless-side";
}

std::optional<std::string> Decision::change(const std::string& from, const std::string& to,
                                            std::string& error) const {
  Target target(seeds_, options_, rules_);
  error = target.refresh();
  if (!error.empty()) return std::nullopt;
  TargetWriter writer(target, "slotless-side.",
                      [deadline = Clock::now() + kPatience] { return Clock::now() > deadline; });
  std::vector<TargetOp> ops;
  ops.push_back({protocol::slotOf(kKey),
                 0,
                 {"EVAL", std::string(kChange), "1", std::string(kKey), from, to},
                 {},
                 false});
  if (!writer.carryOut(ops)) {
    error = writer.trouble().empty() ? "no answer in time" : writer.trouble();
    return std::nullopt;
  }
  const subcommand::Reply& reply = ops.front().reply;
  if (!reply.failed()) return reply.text;
  error = reply.text;
  return std::nullopt;
}

config::Upstream Decision::find(const std::function<void(const std::string&)>& complain) const {
  std::string side{kSingle};
  for (;;) {
    std::string error;
    // Who prepares and does not know of this proxy would leave it behind.
    const auto found = change(side, std::string(kSingle), error);
    if (found == kCluster) return config::Upstream::Cluster;
    if (found == kSingle) return config::Upstream::Single;
    if (found) {
      side = *found;
    } else {
      complain(error);
      std::this_thread::sleep_for(kAskAgain);
    }
  }
}

bool Decision::isSafe(std::chrono::milliseconds patience) const {
  Target target(seeds_, options_, rules_);
  if (!target.refresh().empty()) return false;
  const auto view = target.view();
  const protocol::Slot slot = protocol::slotOf(kKey);
  const subcommand::ClusterMaster* const owner = view->ownerOf(slot);
  return owner != nullptr && isReplicated(*owner, slot, options_, patience);
}

}  // namespace slotless::migrate
