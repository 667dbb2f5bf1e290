// What becomes of reads that are put to both sides, with sides and a clock of this test's own.
#include "proxy/shadow/trial.h"

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"

namespace slotless::shadow {
namespace {

using observe::ShadowQueue;
using observe::ShadowSample;
using subcommand::Reply;
using telemetry::ShadowCounts;
using telemetry::ShadowDrop;
using telemetry::ShadowOutcome;
using namespace std::chrono_literals;

Reply textReply(std::string text) {
  return {Reply::Kind::Text, std::move(text)};
}

Reply errorReply(std::string text) {
  return {Reply::Kind::Error, std::move(text)};
}

// What it replies is set beforehand; then it replies the last of it for ever.
class FakeSide final : public Asker {
 public:
  struct Script {
    std::deque<Reply> replies;
    std::optional<ShadowDrop> refusal;
    std::optional<ShadowDrop> refusalOfSeveralKeys;
    std::vector<std::vector<std::string>> asked;
    int abandoned = 0;
  };
  explicit FakeSide(Script& script) : script_(script) {}

  std::optional<ShadowDrop> send(std::uint32_t, const std::vector<Question>& questions) override {
    if (script_.refusal) return script_.refusal;
    for (const Question& each : questions) {
      if (each.keys.size() > 1 && script_.refusalOfSeveralKeys) return script_.refusalOfSeveralKeys;
    }
    for (const Question& each : questions) script_.asked.push_back(each.words);
    return std::nullopt;
  }
  Reply receive() override {
    Reply reply = script_.replies.front();
    if (script_.replies.size() > 1) script_.replies.pop_front();
    return reply;
  }
  void abandon() override { ++script_.abandoned; }
  const std::string& trouble() const noexcept override { return trouble_; }
  protocol::Slot slotOf(std::size_t question) const noexcept override {
    return static_cast<protocol::Slot>(question);
  }

 private:
  Script& script_;
  const std::string trouble_ = "it is away";
};

struct Scene {
  ShadowQueue queue;
  Trial::TimePoint now{1h};
  FakeSide::Script server{{textReply("same")}, {}, {}, {}, 0};
  FakeSide::Script cluster{{textReply("same")}, {}, {}, {}, 0};
  Trial trial{queue, [this] { return now; }};
  const std::string command;
  ShadowCounts& counts = ShadowCounts::ofProcess();

  // Counts are the process's: each case has a command of its own.
  explicit Scene(std::string name) : command(std::move(name)) {
    trial.use(std::make_unique<FakeSide>(server), std::make_unique<FakeSide>(cluster));
  }

  void ask(std::vector<std::string> words = {"GET", "key"}, std::vector<std::uint32_t> keys = {1}) {
    queue.offer({command, 3, std::move(words), std::move(keys)});
    trial.ask(*queue.take(0ms));
  }
  void pass(std::chrono::milliseconds time) {
    now += time;
    while (trial.askAgain()) {
    }
  }
  std::uint64_t counted(ShadowOutcome outcome) const {
    const auto all = counts.all();
    const auto found = all.find(command);
    return found == all.end() ? 0 : found->second[static_cast<std::size_t>(outcome)];
  }
  // Equal, different, changing, unanswered.
  std::array<std::uint64_t, telemetry::kShadowOutcomes> outcomes() const {
    return {counted(ShadowOutcome::Equal), counted(ShadowOutcome::Different),
            counted(ShadowOutcome::Changing), counted(ShadowOutcome::Unanswered)};
  }
};
using Outcomes = std::array<std::uint64_t, telemetry::kShadowOutcomes>;

TEST_CASE("what both sides say alike is equal, at once") {
  Scene scene("case-equal");
  scene.ask();
  CHECK(scene.outcomes() == Outcomes{1, 0, 0, 0});
  CHECK(scene.server.asked == std::vector<std::vector<std::string>>{{"GET", "key"}});
  CHECK(scene.cluster.asked == scene.server.asked);
  CHECK(scene.counts.waiting() == 0);
}

TEST_CASE("a difference counts only if it is the same one three seconds later") {
  Scene scene("case-different");
  scene.cluster.replies = {textReply("old")};
  scene.ask();
  CHECK(scene.outcomes() == Outcomes{});
  CHECK(scene.counts.waiting() > 0);
  scene.pass(2999ms);
  CHECK(scene.cluster.asked.size() == 1);
  scene.pass(1ms);
  CHECK(scene.cluster.asked.size() == 2);
  CHECK(scene.outcomes() == Outcomes{0, 1, 0, 0});
  CHECK(scene.counts.waiting() == 0);
  scene.pass(1h);
  CHECK(scene.cluster.asked.size() == 2);
}

TEST_CASE("what the copy comes to within three seconds is equal") {
  Scene scene("case-lag");
  scene.cluster.replies = {textReply("old"), textReply("same")};
  scene.ask();
  scene.pass(3s);
  CHECK(scene.outcomes() == Outcomes{1, 0, 0, 0});
}

TEST_CASE("what either side says otherwise three seconds later is changing") {
  Scene scene("case-changing");
  scene.cluster.replies = {textReply("old"), textReply("older")};
  scene.ask();
  scene.pass(3s);
  scene.server.replies = {textReply("same"), textReply("new")};
  scene.ask();
  scene.pass(3s);
  CHECK(scene.outcomes() == Outcomes{0, 0, 2, 0});
}

TEST_CASE("a side that refuses is no difference, and its connection stays") {
  Scene scene("case-refused");
  scene.server.replies = {errorReply("NOPERM no"), textReply("same")};
  scene.ask();
  scene.cluster.replies = {errorReply("MOVED 1 other:1"), textReply("same")};
  scene.ask();
  CHECK(scene.outcomes() == Outcomes{0, 0, 0, 2});
  CHECK(scene.server.abandoned == 0);
  CHECK(scene.cluster.abandoned == 0);
  scene.ask();
  CHECK(scene.outcomes() == Outcomes{1, 0, 0, 2});
}

TEST_CASE("a slow side is dropped and counted, and left alone for a second") {
  for (const bool isServer : {true, false}) {
    Scene scene(isServer ? "case-slow-server" : "case-slow-cluster");
    FakeSide::Script& slow = isServer ? scene.server : scene.cluster;
    const auto dropped = [&] { return scene.counts.dropped(ShadowDrop::Unreachable); };
    const auto before = dropped();
    slow.replies = {{Reply::Kind::Lost, "no answer for 1000 ms"}, textReply("same")};
    scene.ask();
    CHECK(dropped() == before + 1);
    CHECK(slow.abandoned == 1);
    // What the other one was asked is of no interest any more.
    CHECK(scene.cluster.abandoned == 1);
    scene.pass(999ms);
    scene.ask();
    CHECK(dropped() == before + 2);
    CHECK(scene.server.asked.size() == 1);
    scene.pass(1ms);
    scene.ask();
    CHECK(dropped() == before + 2);
    CHECK(scene.outcomes() == Outcomes{1, 0, 0, 0});
    CHECK(scene.counts.waiting() == 0);
  }
}

TEST_CASE("a side that cannot be reached is left alone, and new settings try it at once") {
  Scene scene("case-unreachable");
  const auto before = scene.counts.dropped(ShadowDrop::Unreachable);
  scene.server.refusal = ShadowDrop::Unreachable;
  scene.ask();
  // The other one had been asked.
  CHECK(scene.cluster.abandoned == 1);
  scene.server.refusal = std::nullopt;
  scene.ask();
  CHECK(scene.counts.dropped(ShadowDrop::Unreachable) == before + 2);
  scene.trial.use(std::make_unique<FakeSide>(scene.server), std::make_unique<FakeSide>(scene.cluster));
  scene.ask();
  CHECK(scene.outcomes() == Outcomes{1, 0, 0, 0});
}

TEST_CASE("a name that the cluster reserves is dropped, and nobody is left alone for it") {
  Scene scene("case-reserved");
  const auto before = scene.counts.dropped(ShadowDrop::Reserved);
  scene.cluster.refusal = ShadowDrop::Reserved;
  scene.ask();
  CHECK(scene.counts.dropped(ShadowDrop::Reserved) == before + 1);
  CHECK(scene.server.asked.empty());
  scene.cluster.refusal = std::nullopt;
  scene.ask();
  CHECK(scene.outcomes() == Outcomes{1, 0, 0, 0});
}

TEST_CASE("more differences than can be kept in mind are dropped") {
  Scene scene("case-many");
  const auto before = scene.counts.dropped(ShadowDrop::Full);
  scene.cluster.replies = {textReply("old")};
  for (std::size_t i = 0; i < Trial::kMostDoubtful; ++i) scene.ask();
  CHECK(scene.counts.dropped(ShadowDrop::Full) == before);
  scene.ask();
  CHECK(scene.counts.dropped(ShadowDrop::Full) == before + 1);
  scene.pass(3s);
  CHECK(scene.outcomes() == Outcomes{0, Trial::kMostDoubtful, 0, 0});
}

TEST_CASE("of keys in several slots each is asked for alone, on both sides") {
  Scene scene("mget");
  scene.cluster.refusalOfSeveralKeys = ShadowDrop::Crosses;
  const auto crossing = scene.counts.dropped(ShadowDrop::Crosses);
  scene.server.replies = {textReply("1"), textReply("2"), textReply("1"),
                          textReply("2"), textReply("1"), textReply("2")};
  scene.cluster.replies = {textReply("1"), textReply("2"), textReply("1"),
                           textReply("3"), textReply("1"), textReply("3")};
  scene.ask({"MGET", "a", "b"}, {1, 2});
  CHECK(scene.server.asked == std::vector<std::vector<std::string>>{{"GET", "a"}, {"GET", "b"}});
  CHECK(scene.cluster.asked == scene.server.asked);
  CHECK(scene.outcomes() == Outcomes{1, 0, 0, 0});
  scene.ask({"MGET", "a", "b"}, {1, 2});
  scene.pass(3s);
  CHECK(scene.outcomes() == Outcomes{1, 1, 0, 0});
  CHECK(scene.counts.dropped(ShadowDrop::Crosses) == crossing);
}

TEST_CASE("a command whose reading of its keys is not known is dropped if they are in several slots") {
  Scene scene("case-unknown");
  scene.cluster.refusalOfSeveralKeys = ShadowDrop::Crosses;
  const auto crossing = scene.counts.dropped(ShadowDrop::Crosses);
  scene.ask({"MODULE.READ", "a", "b"}, {1, 2});
  CHECK(scene.counts.dropped(ShadowDrop::Crosses) == crossing + 1);
  CHECK(scene.server.asked.empty());
}

TEST_CASE("replies to one request are not kept without limit, and the connections stay in step") {
  Scene scene("exists");
  scene.cluster.refusalOfSeveralKeys = ShadowDrop::Crosses;
  const std::string large(Trial::kMostReplyBytes, 'x');
  scene.server.replies = {textReply(large), textReply("2"), textReply("same")};
  scene.ask({"EXISTS", "a", "b"}, {1, 2});
  CHECK(scene.outcomes() == Outcomes{0, 0, 0, 1});
  CHECK(scene.server.replies.size() == 1);  // both were taken
  CHECK(scene.server.abandoned == 0);
  scene.server.replies = {errorReply("TOOLARGE"), textReply("same")};
  scene.ask({"EXISTS", "a", "b"}, {1, 2});
  CHECK(scene.outcomes() == Outcomes{0, 0, 0, 2});
  CHECK(scene.server.abandoned == 1);  // its connection is closed
  CHECK(scene.cluster.abandoned == 0);
}

}  // namespace
}  // namespace slotless::shadow
