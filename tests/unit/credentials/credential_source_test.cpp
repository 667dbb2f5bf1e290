// The credentials for the nodes, kept up to date by a program that is played here.
#include "proxy/credentials/credential_source.h"

#include "catch.h"
#include "fake_loop.h"
#include "proxy/telemetry/log.h"

namespace slotless::credentials {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

class FakeRun final : public net::ProgramRun {
 public:
  explicit FakeRun(int& running) : running_(running) { ++running_; }
  ~FakeRun() override { --running_; }
  int pid() const override { return 1; }

 private:
  int& running_;
};

struct Source {
  Source() { log::setLevel(log::Level::Error); }
  void use(Words command, const std::string& username = "me") {
    source.setSettings({{username, command.empty() ? "fixed" : ""}, std::move(command), 7s});
  }
  void prints(const std::string& output) { ends({output, "", ""}); }
  void fails() { ends({"", "", "it ended with code 1"}); }
  void ends(const net::ProgramRun::Ended& ended) {
    REQUIRE(running == 1);
    const auto last = std::move(told);
    told = nullptr;
    last(ended);
  }
  // How long it takes until the program is started again.
  net::Millis untilStarted() {
    const int before = starts;
    net::Millis waited{0};
    while (starts == before && waited < 1h) {
      loop.advance(10ms);
      waited += 10ms;
    }
    return waited;
  }

  test::FakeLoop loop;
  int starts = 0;
  int running = 0;
  int changes = 0;
  bool cannotStart = false;
  Words words;
  net::Millis patience{};
  net::ProgramRun::Told told;
  CommandCounts counts;
  CredentialSource source{loop,
                          [this](const Words& program, net::Millis time, net::ProgramRun::Told tell,
                                 std::string& error) -> std::unique_ptr<net::ProgramRun> {
                            ++starts;
                            words = program;
                            patience = time;
                            if (cannotStart) {
                              error = "no such file or directory";
                              return nullptr;
                            }
                            told = std::move(tell);
                            return std::make_unique<FakeRun>(running);
                          },
                          [this] { ++changes; }, 42, counts};
};

}  // namespace

TEST_CASE("credentials that are configured are known at once, and no program is run", "[credentials]") {
  Source one;
  one.use({});
  CHECK(one.changes == 1);
  REQUIRE(one.source.known());
  CHECK(one.source.access().credentials() == upstream::Credentials{"me", "fixed"});
  one.use({});
  one.source.askAgain();
  one.loop.advance(1h);
  CHECK(one.changes == 1);
  CHECK(one.starts == 0);
  one.use({}, "other");
  CHECK(one.changes == 2);
  CHECK(one.source.access().generation == 2);
}

TEST_CASE("a program is run at once, and again before what it told expires", "[credentials]") {
  Source one;
  one.use({"token", "arg"});
  CHECK(one.words == Words{"token", "arg"});
  CHECK(one.patience == 7s);
  CHECK_FALSE(one.source.known());
  CHECK(one.changes == 0);
  one.prints("one\nexpires-in 900\n");
  CHECK(one.running == 0);
  CHECK(one.changes == 1);
  CHECK(one.source.access().credentials() == upstream::Credentials{"me", "one"});
  const auto waited = one.untilStarted();
  CHECK(waited >= 675s);
  CHECK(waited <= 721s);
  one.prints("two\nusername other\nexpires-in 900\n");
  CHECK(one.changes == 2);
  CHECK(one.source.access().credentials() == upstream::Credentials{"other", "two"});
  one.untilStarted();
  one.prints("two\nusername other\nexpires-in 900\n");
  CHECK(one.changes == 2);
}

TEST_CASE("how the program fares is counted, and when what it told expires is known", "[credentials]") {
  Source one;
  one.use({});
  CHECK(one.counts.runs == 0);
  one.use({"token"});
  CHECK(one.counts.runs == 1);
  CHECK(one.counts.expiresAt.load() == net::TimePoint{});
  one.prints("one\nexpires-in 900\n");
  CHECK(one.counts.expiresAt.load() == one.loop.now() + 900s);
  const net::TimePoint expiresAt = one.counts.expiresAt;
  one.untilStarted();
  one.fails();
  CHECK(one.counts.runs == 2);
  CHECK(one.counts.failures == 1);
  CHECK(one.counts.expiresAt.load() == expiresAt);  // that of the one which is in force
  one.cannotStart = true;
  one.untilStarted();
  CHECK(one.counts.runs == 3);
  CHECK(one.counts.failures == 2);
  one.cannotStart = false;
  one.untilStarted();
  one.prints("two\n");
  CHECK(one.counts.expiresAt.load() == net::TimePoint{});
}

TEST_CASE("a program that says nothing of expiry is run again only when it is asked for", "[credentials]") {
  Source one;
  one.use({"token"});
  one.prints("one\n");
  one.loop.advance(24h);
  CHECK(one.starts == 1);
  one.source.askAgain();
  CHECK(one.starts == 2);
  one.source.askAgain();  // the one that is running may have come too early
  CHECK(one.starts == 3);
  CHECK(one.running == 1);
  one.prints("two\n");
  CHECK(one.changes == 2);
}

TEST_CASE("a program that fails is run again after pauses that double, and the last password stays",
          "[credentials]") {
  Source one;
  one.use({"token"});
  one.prints("one\nexpires-in 900\n");
  one.untilStarted();
  net::Millis longest = 0s;
  for (int i = 0; i < 10; ++i) {
    if (i % 3 == 0) one.fails();
    if (i % 3 == 1) one.prints("");
    if (i % 3 == 2) one.prints("secret\nnonsense\n");
    longest = std::max(longest, one.untilStarted());
    CHECK(longest <= 61s);
  }
  CHECK(longest > 29s);
  CHECK(one.counts.failures == 10);
  CHECK(one.changes == 1);
  CHECK(one.source.access().password == "one");
  one.prints("two\nexpires-in 900\n");
  CHECK(one.changes == 2);
  const auto waited = one.untilStarted();
  CHECK(waited >= 675s);
}

TEST_CASE("a program that cannot be started is tried again", "[credentials]") {
  Source one;
  one.cannotStart = true;
  one.use({"token"});
  CHECK(one.starts == 1);
  one.loop.advance(10s);
  CHECK(one.starts > 2);
  CHECK(one.starts < 10);
  one.cannotStart = false;
  one.untilStarted();
  one.prints("one");
  CHECK(one.changes == 1);
}

TEST_CASE("where nodes refuse the password the program is run again, but not all the time", "[credentials]") {
  Source one;
  one.use({"token"});
  one.prints("one\n");
  const int before = one.starts;
  for (int seconds = 0; seconds < 3600; ++seconds) {
    one.source.access().verdicts->refused = true;
    one.loop.advance(1s);
    if (one.running > 0) one.prints("one\n");
  }
  CHECK(one.starts - before >= 5);
  CHECK(one.starts - before <= 20);
}

TEST_CASE("another program or user takes the place of the one that is running, and no program ends it",
          "[credentials]") {
  Source one;
  one.use({"token"});
  one.use({"other"});
  CHECK(one.running == 1);
  CHECK(one.words == Words{"other"});
  one.prints("two");
  one.use({"other"});
  CHECK(one.running == 0);
  one.use({"other"}, "you");
  one.prints("two");
  CHECK(one.source.access().username == "you");
  one.source.askAgain();
  one.use({});
  CHECK(one.running == 0);
  CHECK(one.source.access().password == "fixed");
  one.loop.advance(1h);
  CHECK(one.running == 0);
}

}  // namespace slotless::credentials
