#include "proxy/telemetry/hot_keys.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "proxy/telemetry/metric_families.h"

namespace slotless::telemetry {

namespace {

struct OwnSketch {
  std::mutex mutex;
  KeySketch sketch;
  std::uint32_t random = 2'463'534'242U;  // xorshift
};

struct AllSketches {
  std::mutex mutex;
  std::vector<std::weak_ptr<OwnSketch>> sketches;
};

AllSketches& allSketches() {
  static AllSketches all;
  return all;
}

// Of the calling thread, with which it ends.
std::shared_ptr<OwnSketch>& ownSketch() {
  thread_local std::shared_ptr<OwnSketch> own;
  return own;
}

OwnSketch& madeSketch() {
  std::shared_ptr<OwnSketch>& own = ownSketch();
  if (own == nullptr) {
    own = std::make_shared<OwnSketch>();
    AllSketches& all = allSketches();
    const std::lock_guard guard(all.mutex);
    std::erase_if(all.sketches, [](const auto& each) { return each.expired(); });
    all.sketches.push_back(own);
  }
  return *own;
}

template <typename Visit>
void forEachSketch(Visit visit) {
  AllSketches& all = allSketches();
  const std::lock_guard guard(all.mutex);
  for (const auto& each : all.sketches) {
    const std::shared_ptr<OwnSketch> own = each.lock();
    if (own == nullptr) continue;
    const std::lock_guard sketchGuard(own->mutex);
    visit(own->sketch);
  }
}

// Requests come in patterns; steps of one length would see some of them only.
std::uint32_t nextStep(OwnSketch& own, std::uint64_t every) {
  own.random ^= own.random << 13U;
  own.random ^= own.random >> 17U;
  own.random ^= own.random << 5U;
  return 1 + own.random % static_cast<std::uint32_t>(2 * every - 1);
}

}  // namespace

void HotKeys::add(const KeyUse& use, std::uint64_t every, TimePoint now) {
  OwnSketch& own = madeSketch();
  left_ = nextStep(own, every);
  const std::unique_lock guard(own.mutex, std::try_to_lock);
  if (!guard.owns_lock()) return;
  KeyUse all = use;
  all.weight *= static_cast<double>(every);
  all.bytes *= static_cast<double>(every);
  own.sketch.add(all, now);
}

void HotKeys::skip(std::uint64_t every) {
  if (every > 0) {
    left_ = nextStep(madeSketch(), every);
    return;
  }
  left_ = UINT32_MAX;
  ownSketch().reset();
}

HotKeyList HotKeys::all(TimePoint now) {
  HotKeyList list;
  std::map<std::uint64_t, HotKey> keys;
  forEachSketch([&](KeySketch& sketch) {
    sketch.decay(now);
    const double seconds = sketch.seconds(now);
    list.usesPerSecond += sketch.total() / seconds;
    sketch.forEach([&](const KeySketch::Counter& counter) {
      HotKey& key = keys[counter.identity];
      key.database = counter.database;
      key.slot = counter.slot;
      key.name = counter.name;
      key.keyBytes = counter.keyBytes;
      key.usesPerSecond += counter.uses / seconds;
      key.writesPerSecond += counter.writes / seconds;
      key.bytesPerSecond += counter.bytes / seconds;
      key.excessPerSecond += counter.excess / seconds;
    });
  });
  for (auto& [identity, key] : keys) list.keys.push_back(std::move(key));
  std::sort(list.keys.begin(), list.keys.end(),
            [](const HotKey& a, const HotKey& b) { return a.usesPerSecond > b.usesPerSecond; });
  return list;
}

void HotKeys::clear(TimePoint now) {
  forEachSketch([now](KeySketch& sketch) { sketch.clear(now); });
}

// Names are for who asks for them, and not for whoever reads metrics.
void collectHotKeys(Families& families) {
  const HotKeyList list = HotKeys::all(HotKeys::TimePoint::clock::now());
  if (list.keys.empty() || list.usesPerSecond <= 0) return;
  auto rate =
      makeFamily("slotless_hottest_key_uses_per_second",
                 "Uses of the key that is used most, as of about the last minute; PROXY HOTKEYS names it.",
                 prometheus::MetricType::Gauge);
  addSample(rate, list.keys.front().usesPerSecond);
  auto share = makeFamily("slotless_hottest_key_share", "The same, as a part of the uses of all keys.",
                          prometheus::MetricType::Gauge);
  addSample(share, list.keys.front().usesPerSecond / list.usesPerSecond);
  families.push_back(std::move(rate));
  families.push_back(std::move(share));
}

}  // namespace slotless::telemetry
