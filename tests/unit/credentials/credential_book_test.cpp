// Which credentials are in force, and when their source is asked again.
#include "proxy/credentials/credential_book.h"

#include <vector>

#include "catch.h"

namespace slotless::credentials {
namespace {

using namespace std::chrono_literals;
using State = CredentialBook::State;
using upstream::Credentials;

struct Book {
  bool found(const std::string& password, std::optional<net::Millis> expiresIn = {}) {
    return book.found({"me", password}, expiresIn, now);
  }
  void good() { book.access().verdicts->accepted = true; }
  // From now on; -1: never.
  std::int64_t wait() const {
    const auto next = book.nextAt();
    return next ? std::chrono::duration_cast<net::Millis>(*next - now).count() : -1;
  }

  std::uint32_t random = 0;
  net::TimePoint now = net::TimePoint(1h);
  CredentialBook book{[this](std::uint32_t bound) { return bound == 0 ? 0 : random % bound; }};
};

}  // namespace

TEST_CASE("at first nothing is known, and the source is to be asked at once", "[credentials]") {
  Book one;
  CHECK(one.book.state() == State::Unknown);
  CHECK_FALSE(one.book.known());
  CHECK(one.wait() <= 0);
  one.book.asked(one.now);
  CHECK(one.book.state() == State::Asking);
  CHECK(one.wait() == -1);
  CHECK(one.found("a"));
  CHECK(one.book.state() == State::Good);
  CHECK(one.book.known());
  CHECK(one.book.access().credentials() == Credentials{"me", "a"});
  CHECK(one.book.access().generation == 1);
  CHECK_FALSE(one.book.access().previous);
  CHECK(one.wait() == -1);
}

TEST_CASE("each change is a new generation, and what was good before stays as the previous",
          "[credentials]") {
  Book one;
  one.found("a");
  one.good();
  CHECK_FALSE(one.found("a"));
  CHECK(one.book.access().generation == 1);
  CHECK(one.found("b"));
  CHECK(one.book.access().generation == 2);
  CHECK(one.book.access().previous == Credentials{"me", "a"});
  CHECK_FALSE(one.book.access().verdicts->accepted);
  one.good();
  CHECK(one.found("c"));
  CHECK(one.book.access().previous == Credentials{"me", "b"});
}

TEST_CASE("what no node has taken does not become the previous", "[credentials]") {
  Book one;
  one.found("a");
  one.good();
  one.found("mistake");
  CHECK(one.found("another"));
  CHECK(one.book.access().previous == Credentials{"me", "a"});
  CHECK(one.found("a"));  // all is as it was
  CHECK_FALSE(one.book.access().previous);
  CHECK(one.book.access().generation == 4);
}

TEST_CASE("a password where there was none has no previous", "[credentials]") {
  Book one;
  one.book.found({"", ""}, {}, one.now);
  one.good();
  CHECK(one.found("a"));
  CHECK_FALSE(one.book.access().previous);
}

TEST_CASE("the source is asked again between 75 and 80 % of the time", "[credentials]") {
  Book one;
  one.found("a", 900s);
  CHECK(one.wait() == 675'000);
  one.random = 44'999;
  one.found("a", 900s);
  CHECK(one.wait() == 719'999);
  one.found("a", 1s);
  CHECK(one.wait() >= 750);
  CHECK(one.wait() < 800);
  one.found("a");
  CHECK(one.wait() == -1);
}

TEST_CASE("the time counts from when the source was asked, but it is not asked all the time",
          "[credentials]") {
  Book one;
  one.book.asked(one.now);
  one.now += 100s;
  one.found("a", 900s);
  CHECK(one.wait() == 575'000);
  one.book.asked(one.now);
  one.now += 800s;
  one.found("b", 900s);
  CHECK(one.wait() == 225'000);
}

TEST_CASE("a source that fails is asked again after pauses that double, and what is known stays",
          "[credentials]") {
  Book one;
  one.found("a", 900s);
  for (const std::int64_t pause : {500, 1000, 2000, 4000, 8000, 16'000, 30'000, 30'000}) {
    one.book.asked(one.now);
    one.book.failed(one.now);
    CHECK(one.book.state() == State::Retrying);
    CHECK(one.wait() == pause);
  }
  CHECK(one.book.failures() == 8);
  CHECK(one.book.access().password == "a");
  one.random = 30'000;
  one.book.failed(one.now);
  CHECK(one.wait() == 60'000);
  one.random = 0;
  one.book.asked(one.now);
  CHECK_FALSE(one.found("a", 900s));
  CHECK(one.book.failures() == 0);
  one.book.failed(one.now);
  CHECK(one.wait() == 500);
}

TEST_CASE("where nodes refuse what was found the source is asked soon, and then more and more rarely",
          "[credentials]") {
  Book one;
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 8; ++i) {
    one.book.asked(one.now);
    one.found("a", 24h);
    one.book.refused(one.now);
    one.book.refused(one.now);
    pauses.push_back(one.wait() / 1000);
    one.now += net::Millis(one.wait());
  }
  CHECK(pauses == std::vector<std::int64_t>{5, 10, 20, 40, 80, 160, 300, 300});
  one.good();
  one.book.asked(one.now);
  one.found("b", 24h);
  one.book.refused(one.now);
  CHECK(one.wait() == 5000);
}

TEST_CASE("a refusal neither hastens a source that fails nor delays one that is due", "[credentials]") {
  Book one;
  one.book.asked(one.now);
  one.found("a", 4s);
  one.book.refused(one.now);
  CHECK(one.wait() == 3000);
  one.book.asked(one.now);
  one.book.refused(one.now);
  CHECK(one.wait() == -1);
  one.book.failed(one.now);
  one.book.refused(one.now);
  CHECK(one.wait() == 500);
}

TEST_CASE("whoever is in a hurry has the source asked now, unless it is being asked", "[credentials]") {
  Book one;
  one.found("a", 900s);
  one.book.hurry(one.now);
  CHECK(one.wait() == 0);
  one.book.asked(one.now);
  one.book.hurry(one.now);
  CHECK(one.wait() == -1);
}

}  // namespace slotless::credentials
