// A proxy's way through a cut-over: it opens its gates only once it knows what has been decided.
#include "proxy/server/cut_over.h"

#include <deque>
#include <string>
#include <vector>

#include "catch.h"
#include "fake_loop.h"

namespace slotless::test {

using namespace std::chrono_literals;
using server::CutOver;
using session::CalledBack;
using session::CutOverStep;

namespace {

struct Stage {
  explicit Stage(bool onCluster = false) : cutOver(loop, hooks(), "me", onCluster) {}

  CutOver::Hooks hooks() {
    CutOver::Hooks made;
    made.objection = [this] { return objection; };
    made.shutGates = [this](bool shut) { gates.push_back(shut); };
    made.look = [this](const std::function<void(CalledBack)>& done) {
      ++looks;
      const CalledBack found = found_.front();
      if (found_.size() > 1) found_.pop_front();
      done(found);
    };
    made.move = [this](std::function<void()> done) { moved = std::move(done); };
    made.settle = [this](const std::string& from, const std::string& to, auto done) {
      asked.push_back(from + ">" + to);
      if (answers.empty()) return done(std::nullopt);
      done(answers.front());
      answers.pop_front();
    };
    made.announce = [this](auto told) {
      ++announced;
      told(side);
    };
    return made;
  }
  std::vector<std::string> take(const CutOverStep& step) {
    replies.clear();
    cutOver.take(step, [this](std::string reply) { replies.push_back(std::move(reply)); });
    return replies;
  }
  std::vector<std::string> prepare(bool toServer = false) {
    return take({CutOverStep::Kind::Prepare, "a", toServer, 100ms, 1000ms});
  }
  std::vector<std::string> settle(const std::string& id = "a", bool toServer = false) {
    return take({CutOverStep::Kind::Settle, id, toServer, {}, {}});
  }

  FakeLoop loop;
  std::string objection;
  std::vector<bool> gates;
  std::deque<CalledBack> found_{CalledBack{}};
  int looks = 0;
  std::function<void()> moved;
  int announced = 0;
  std::optional<std::string> side;
  std::vector<std::string> asked;
  std::deque<std::optional<std::string>> answers;
  std::vector<std::string> replies;
  CutOver cutOver;
};

using Replies = std::vector<std::string>;
const Replies kOk{"+OK\r\n"};

}  // namespace

TEST_CASE("a cut-over that is decided goes over, and answers when it has") {
  Stage stage;
  stage.found_ = {CalledBack{2, 1, false}, CalledBack{0, 1, false}, CalledBack{}};
  CHECK(stage.prepare().empty());
  CHECK(stage.gates == std::vector<bool>{true});
  stage.loop.advance(20ms);
  CHECK(stage.replies == kOk);
  CHECK(stage.looks == 3);
  stage.answers = {"cluster"};
  CHECK(stage.settle().empty());
  CHECK(stage.asked == Replies{"preparing:a>single"});
  REQUIRE(stage.moved);
  CHECK_FALSE(stage.cutOver.onCluster());
  stage.moved();
  CHECK(stage.replies == kOk);
  CHECK(stage.cutOver.onCluster());
  // The workers open their gates themselves.
  CHECK(stage.gates == std::vector<bool>{true});
  CHECK(stage.settle() == kOk);
  CHECK(stage.prepare().front().starts_with("-ERR the cluster is in force already"));
}

TEST_CASE("what does not end in time is given up without asking anybody") {
  Stage stage;
  stage.found_ = {CalledBack{1, 0, false}};
  CHECK(stage.prepare().empty());
  stage.loop.advance(120ms);
  REQUIRE(stage.replies.size() == 1);
  CHECK(stage.replies.front() == "-ERR 1 requests are still under way\r\n");
  CHECK(stage.gates == std::vector<bool>{true, false});
  CHECK(stage.asked.empty());
  const int looks = stage.looks;
  stage.loop.advance(1s);
  CHECK(stage.looks == looks);
  // Another one may begin.
  stage.found_ = {CalledBack{}};
  CHECK(stage.prepare() == kOk);
}

TEST_CASE("blocked clients that cannot be called back are an objection") {
  Stage stage;
  stage.found_ = {CalledBack{0, 1, true}};
  CHECK(stage.prepare().front().find("CLIENT ID") != std::string::npos);
  CHECK(stage.gates == std::vector<bool>{true, false});
}

TEST_CASE("without being asked a proxy settles when its time is over") {
  Stage stage;
  CHECK(stage.prepare() == kOk);
  SECTION("given up") {
    stage.answers = {"single"};
    stage.loop.advance(999ms);
    CHECK(stage.asked.empty());
    stage.loop.advance(1ms);
    CHECK(stage.gates == std::vector<bool>{true, false});
    CHECK_FALSE(stage.moved);
  }
  SECTION("decided") {
    stage.answers = {"cluster"};
    stage.loop.advance(1s);
    CHECK(stage.moved);
    CHECK(stage.gates == std::vector<bool>{true});
  }
  SECTION("another one has begun meanwhile") {
    stage.answers = {"preparing:b"};
    stage.loop.advance(1s);
    CHECK(stage.gates == std::vector<bool>{true, false});
  }
}

TEST_CASE("the time of a proxy counts from when its clients began to wait") {
  Stage stage;
  stage.found_ = {CalledBack{1, 0, false}};
  CHECK(stage.prepare().empty());
  stage.loop.advance(60ms);
  stage.found_ = {CalledBack{}};
  stage.loop.advance(5ms);
  CHECK(stage.replies == kOk);
  stage.answers = {"single"};
  stage.loop.advance(934ms);
  CHECK(stage.asked.empty());
  stage.loop.advance(1ms);
  CHECK(stage.gates == std::vector<bool>{true, false});
}

TEST_CASE("who settles what a proxy is about to settle by itself hears what has come of it") {
  Stage stage;
  CHECK(stage.prepare() == kOk);
  stage.loop.advance(1s);
  CHECK(stage.take({}).front().find("phase:settling") != std::string::npos);
  CHECK(stage.settle("b").front().starts_with("-ERR this cut-over is not waiting"));
  CHECK(stage.settle().empty());
  stage.answers = {"cluster"};
  stage.loop.advance(200ms);
  REQUIRE(stage.moved);
  CHECK(stage.replies.empty());
  stage.moved();
  CHECK(stage.replies == kOk);
}

TEST_CASE("gates stay shut until the cluster tells what has been decided") {
  Stage stage;
  CHECK(stage.prepare() == kOk);
  CHECK(stage.settle().empty());
  stage.loop.advance(10s);
  CHECK(stage.gates == std::vector<bool>{true});
  CHECK(stage.asked.size() > 10);
  stage.answers = {"single"};
  stage.loop.advance(200ms);
  CHECK(stage.gates == std::vector<bool>{true, false});
  REQUIRE(stage.replies.size() == 1);
  CHECK(stage.replies.front().starts_with("-ERR the cut-over was given up"));
}

TEST_CASE("a cut-over is refused where it cannot be, and one at a time") {
  Stage stage;
  stage.objection = "the cluster is not known yet";
  CHECK(stage.prepare() == Replies{"-ERR the cluster is not known yet\r\n"});
  CHECK(stage.gates.empty());
  CHECK(stage.take({}).front().find("ready:no") != std::string::npos);
  stage.objection.clear();
  CHECK(stage.settle().front().starts_with("-ERR this cut-over is not waiting"));
  CHECK(stage.prepare() == kOk);
  CHECK(stage.prepare().front().starts_with("-ERR another cut-over is under way"));
  CHECK(stage.settle("b").front().starts_with("-ERR this cut-over is not waiting"));
  CHECK(stage.take({}).front().find("phase:waiting") != std::string::npos);
}

TEST_CASE("a process that has begun on the cluster says so") {
  Stage stage(true);
  CHECK(stage.take({}).front().find("side:cluster") != std::string::npos);
  CHECK(stage.settle() == kOk);
}

TEST_CASE("the way back is the same in the other direction") {
  Stage stage(true);
  CHECK(stage.prepare().front().starts_with("-ERR the cluster is in force already"));
  CHECK(stage.prepare(true) == kOk);
  CHECK(stage.gates == std::vector<bool>{true});
  SECTION("decided") {
    stage.answers = {"single"};
    CHECK(stage.settle("a", true).empty());
    CHECK(stage.asked == Replies{"returning:a>cluster"});
    REQUIRE(stage.moved);
    stage.moved();
    CHECK(stage.replies == kOk);
    CHECK_FALSE(stage.cutOver.onCluster());
    CHECK(stage.settle("a", true) == kOk);
    CHECK(stage.settle().front().starts_with("-ERR this cut-over is not waiting"));
    CHECK(stage.prepare(true).front().starts_with("-ERR the server is in force already"));
    // And over again.
    CHECK(stage.prepare() == kOk);
  }
  SECTION("given up") {
    stage.answers = {"cluster"};
    CHECK(stage.settle("a", true).front().find("the cluster is in force as before") != std::string::npos);
    CHECK(stage.gates == std::vector<bool>{true, false});
    CHECK(stage.cutOver.onCluster());
  }
  SECTION("forgotten") {
    stage.answers = {"cluster"};
    stage.settle("a", true);
    stage.side = "single";
    stage.answers = {"single"};
    stage.loop.advance(4s);
    REQUIRE(stage.moved);
    CHECK(stage.asked.back() == "returning:late>cluster");
  }
}

TEST_CASE("a process says that it is there again and again, whichever side it serves") {
  Stage stage;
  stage.loop.advance(1ms);
  CHECK(stage.announced == 1);
  stage.loop.advance(6s);
  CHECK(stage.announced == 3);
  CHECK(stage.take({}).front().find("process:me") != std::string::npos);
  CHECK(stage.prepare() == kOk);
  stage.answers = {"cluster"};
  stage.settle();
  stage.moved();
  const int before = stage.announced;
  stage.loop.advance(10s);
  CHECK(stage.announced >= before + 3);
  Stage other(true);
  other.loop.advance(10s);
  CHECK(other.announced == 4);
}

TEST_CASE("a proxy that a cut-over has forgotten goes over as soon as it hears of it") {
  Stage stage;
  stage.side = "single";
  stage.loop.advance(4s);
  CHECK(stage.gates.empty());
  stage.side = "cluster";
  stage.answers = {"cluster"};
  SECTION("at once") {
    stage.loop.advance(4s);
    CHECK(stage.gates == std::vector<bool>{true});
    REQUIRE(stage.moved);
    stage.moved();
    CHECK(stage.cutOver.onCluster());
  }
  SECTION("when it knows the cluster") {
    stage.objection = "it is not known yet";
    stage.loop.advance(4s);
    CHECK(stage.gates.empty());
    stage.objection.clear();
    stage.loop.advance(4s);
    CHECK(stage.moved);
  }
  SECTION("again, if something takes too long") {
    stage.found_ = {CalledBack{1, 0, false}};
    stage.loop.advance(11s);
    CHECK(stage.gates == std::vector<bool>{true});
    stage.loop.advance(2s);
    CHECK(stage.gates == std::vector<bool>{true, false});
    stage.found_ = {CalledBack{}};
    stage.loop.advance(4s);
    CHECK(stage.moved);
  }
}

}  // namespace slotless::test
