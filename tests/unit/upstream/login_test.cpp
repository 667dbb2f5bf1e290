// As whom a connection is known, and when AUTH is due.
#include "proxy/upstream/login.h"

#include "catch.h"

namespace slotless::upstream {
namespace {

using namespace std::chrono_literals;
using State = Login::State;

constexpr std::string_view kYes = "+OK\r\n";
constexpr std::string_view kNo = "-WRONGPASS no\r\n";

struct OneLogin {
  OneLogin() { renew("one", 1, false); }
  void renew(const std::string& password, std::uint64_t generation, bool withPrevious = true) {
    const Credentials before = access.credentials();
    access = Access{"", password};
    access.generation = generation;
    if (withPrevious) access.previous = before;
  }
  void greeted(bool byPrevious = false) {
    Greeting greeting;
    greeting.generation = access.generation;
    greeting.byPrevious = byPrevious;
    login.greeted(greeting, now);
  }
  bool due(net::Millis every = 0ms) const { return login.due(access, every, now); }
  std::string ask() { return login.ask(access); }
  std::string answered(std::string_view line) { return login.answered(line, access, now); }

  net::TimePoint now = net::TimePoint(1h);
  Access access;
  Login login;
};

}  // namespace

TEST_CASE("a login is due only on a connection, when the access has changed, and once", "[login]") {
  OneLogin one;
  one.renew("two", 2);
  CHECK(one.login.state() == State::Out);
  CHECK_FALSE(one.due());
  one.greeted();
  CHECK(one.login.state() == State::Latest);
  CHECK_FALSE(one.due());
  one.now += 24h;
  CHECK_FALSE(one.due());
  one.renew("three", 3);
  CHECK(one.due());
  CHECK(one.ask() == "*2\r\n$4\r\nAUTH\r\n$5\r\nthree\r\n");
  CHECK(one.login.asking());
  CHECK_FALSE(one.due());
  CHECK(one.answered(kYes).empty());
  CHECK(one.login.state() == State::Latest);
  CHECK(one.access.verdicts->accepted);
  CHECK_FALSE(one.due());
  one.login.lost();
  one.renew("four", 4);
  CHECK_FALSE(one.due());
}

TEST_CASE("a login without a password is never due", "[login]") {
  OneLogin one;
  one.greeted();
  one.renew("", 2);
  CHECK_FALSE(one.due(1s));
  one.now += 1h;
  CHECK_FALSE(one.due(1s));
}

TEST_CASE("a login is due again after the interval, counted from the node's answer", "[login]") {
  OneLogin one;
  one.greeted();
  one.now += 9999ms;
  CHECK_FALSE(one.due(10s));
  one.now += 1ms;
  CHECK(one.due(10s));
  one.ask();
  one.now += 5s;
  one.answered(kYes);
  one.now += 9s;
  CHECK_FALSE(one.due(10s));
  one.now += 1s;
  CHECK(one.due(10s));
}

TEST_CASE("a refused login tries the password before, then the new one after pauses that double", "[login]") {
  OneLogin one;
  one.greeted();
  one.renew("two", 2);
  one.ask();
  CHECK(one.answered(kNo) == "*2\r\n$4\r\nAUTH\r\n$3\r\none\r\n");
  CHECK(one.access.verdicts->refused);
  CHECK(one.login.state() == State::AskingPrevious);
  CHECK(one.answered(kYes).empty());
  CHECK(one.login.state() == State::Behind);
  CHECK_FALSE(one.access.verdicts->accepted);
  for (net::Millis pause = 1s; pause <= 32s; pause *= 2) {
    one.now += pause - 1ms;
    CHECK_FALSE(one.due());
    one.now += 1ms;
    REQUIRE(one.due());
    one.ask();
    REQUIRE_FALSE(one.answered(kNo).empty());
    one.answered(kNo);
    CHECK(one.login.state() == State::Behind);
  }
}

TEST_CASE("a login that is always refused is given up until the access changes or the interval is over",
          "[login]") {
  OneLogin one;
  one.greeted();
  one.renew("two", 2, false);
  int asked = 0;
  for (int seconds = 0; seconds < 3600; ++seconds, one.now += 1s) {
    if (!one.due()) continue;
    ++asked;
    one.ask();
    CHECK(one.answered(kNo).empty());
  }
  CHECK(asked == Login::kMostRefusals);
  CHECK(one.due(10min));
  one.ask();
  one.answered(kNo);
  one.now += 9min;
  CHECK_FALSE(one.due(10min));
  one.now += 1min;
  CHECK(one.due(10min));
  one.renew("three", 3, false);
  CHECK(one.due());
  one.ask();
  one.answered(kYes);
  CHECK(one.login.state() == State::Latest);
}

TEST_CASE("a greeting by the password before is followed by the new one after a pause", "[login]") {
  OneLogin one;
  one.renew("two", 2);
  one.greeted(true);
  CHECK(one.login.state() == State::Behind);
  CHECK_FALSE(one.due());
  one.now += 1s;
  CHECK(one.due());
  one.access.verdicts->previousFirst = true;
  one.ask();
  one.answered(kYes);
  CHECK(one.login.state() == State::Latest);
  CHECK_FALSE(one.access.verdicts->previousFirst);
}

TEST_CASE("an answer to what has been replaced meanwhile says nothing of the new", "[login]") {
  OneLogin one;
  one.greeted();
  one.renew("two", 2);
  CHECK(one.login.changes(one.access));
  one.ask();
  CHECK(one.login.changes(one.access));
  one.renew("three", 3);
  CHECK(one.answered(kNo).empty());
  CHECK_FALSE(one.access.verdicts->refused);
  CHECK(one.due());
  one.ask();
  one.renew("four", 4);
  CHECK(one.answered(kYes).empty());
  CHECK_FALSE(one.access.verdicts->accepted);
  CHECK(one.due());
  one.ask();
  one.answered(kYes);
  CHECK_FALSE(one.login.changes(one.access));
}

}  // namespace slotless::upstream
