// The thread that asks: when it begins, what wakes it, and when it ends.
#include "proxy/shadow/shadow.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::shadow {
namespace {

using config::Config;
using config::Upstream;
using observe::ShadowQueue;
using subcommand::Reply;
using telemetry::ShadowCounts;
using telemetry::ShadowOutcome;
using namespace std::chrono_literals;

constexpr auto kLongEnough = 30s;

// Waits until a side has been asked so often; no time passes for the shadow's own clock.
struct Office {
  std::mutex mutex;
  std::condition_variable changed;
  int made = 0;
  int asked = 0;
  int waiting = 0;

  bool await(int Office::*count, int wanted, std::chrono::milliseconds patience = kLongEnough) {
    std::unique_lock guard(mutex);
    return changed.wait_for(guard, patience, [&] { return this->*count >= wanted; });
  }
  void add(int Office::*count) {
    const std::lock_guard guard(mutex);
    ++(this->*count);
    changed.notify_all();
  }
};

class StandInSide final : public Asker {
 public:
  StandInSide(Office& office, std::string reply, std::function<bool()> stops)
      : office_(office), reply_(std::move(reply)), stops_(std::move(stops)) {}

  std::optional<telemetry::ShadowDrop> send(std::uint32_t, const std::vector<Question>&) override {
    office_.add(&Office::asked);
    return std::nullopt;
  }
  // "" is a side that does not answer before the process ends.
  Reply receive() override {
    if (!reply_.empty()) return {Reply::Kind::Text, reply_};
    office_.add(&Office::waiting);
    while (!stops_()) std::this_thread::yield();
    return {Reply::Kind::Lost, "it ends"};
  }
  void abandon() override {}
  const std::string& trouble() const noexcept override { return reply_; }
  protocol::Slot slotOf(std::size_t) const noexcept override { return 0; }

 private:
  Office& office_;
  const std::string reply_;
  const std::function<bool()> stops_;
};

struct Rig {
  Office office;
  ShadowQueue queue;
  std::atomic<std::chrono::milliseconds::rep> clock{0};
  std::string cluster = "same";
  std::vector<Upstream> made;
  std::unique_ptr<Shadow> shadow = std::make_unique<Shadow>(Shadow::Surroundings{
      [this](const Config&, Upstream side, const std::function<bool()>& stops) {
        made.push_back(side);
        auto fake =
            std::make_unique<StandInSide>(office, side == Upstream::Cluster ? cluster : "same", stops);
        office.add(&Office::made);
        return fake;
      },
      [this] { return Trial::TimePoint(std::chrono::milliseconds(clock.load()) + 1h); }, queue});
};

Config configOf(std::uint64_t sample, Upstream upstream = Upstream::Migrating) {
  Config config;
  config.upstream = upstream;
  config.shadowSample = sample;
  return config;
}

void offer(ShadowQueue& queue, const std::string& command) {
  queue.offer({command, 0, {"GET", "key"}, {1}});
}

std::uint64_t counted(const std::string& command, ShadowOutcome outcome) {
  const auto all = ShadowCounts::ofProcess().all();
  const auto found = all.find(command);
  return found == all.end() ? 0 : found->second[static_cast<std::size_t>(outcome)];
}

TEST_CASE("no side is made before samples are wanted, and without a thread the end is at once") {
  Rig scene;
  scene.shadow->use(configOf(0));
  scene.shadow->use(configOf(100, Upstream::Cluster));
  scene.shadow.reset();
  CHECK(scene.made.empty());
}

TEST_CASE("a reload turns it on, gives it other sides, and turns it off") {
  Rig scene;
  scene.shadow->use(configOf(0));
  scene.shadow->use(configOf(100));
  REQUIRE(scene.office.await(&Office::made, 2));
  CHECK(scene.made == std::vector{Upstream::Single, Upstream::Cluster});
  offer(scene.queue, "case-reload");
  REQUIRE(scene.office.await(&Office::asked, 2));
  scene.shadow->use(configOf(10));
  REQUIRE(scene.office.await(&Office::made, 4));
  // What was sampled before it was turned off is asked to its end.
  scene.shadow->use(configOf(0));
  offer(scene.queue, "case-reload");
  REQUIRE(scene.office.await(&Office::asked, 4));
  scene.shadow.reset();
  CHECK(counted("case-reload", ShadowOutcome::Equal) == 2);
}

TEST_CASE("what differs is asked again by the thread itself, when its time has come") {
  Rig scene;
  scene.cluster = "old";
  scene.shadow->use(configOf(1));
  offer(scene.queue, "case-thread");
  REQUIRE(scene.office.await(&Office::asked, 2));
  CHECK(counted("case-thread", ShadowOutcome::Different) == 0);
  // It may not have looked at the clock yet when the first time passes.
  for (int i = 0; i < 100 && !scene.office.await(&Office::asked, 4, 100ms); ++i)
    scene.clock += std::chrono::milliseconds(Trial::kSettle).count();
  REQUIRE(scene.office.await(&Office::asked, 4));
  scene.shadow.reset();
  CHECK(counted("case-thread", ShadowOutcome::Different) == 1);
}

TEST_CASE("the end waits neither for samples nor for a side that does not answer") {
  Rig idle;
  idle.shadow->use(configOf(1));
  REQUIRE(idle.office.await(&Office::made, 2));
  idle.shadow.reset();

  Rig stuck;
  stuck.cluster.clear();
  stuck.shadow->use(configOf(1));
  offer(stuck.queue, "case-end");
  offer(stuck.queue, "case-end");
  REQUIRE(stuck.office.await(&Office::waiting, 1));
  stuck.shadow.reset();
  CHECK(counted("case-end", ShadowOutcome::Equal) == 0);
}

}  // namespace
}  // namespace slotless::shadow
