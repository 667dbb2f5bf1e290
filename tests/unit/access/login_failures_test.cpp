#include "proxy/access/login_failures.h"

#include <string>

#include "catch.h"
#include "proxy/access/subscriber.h"

using namespace std::chrono_literals;
using slotless::access::LoginFailures;
using slotless::access::subscriberKey;

namespace {

const LoginFailures::TimePoint kStart = LoginFailures::TimePoint(1h);

std::string host(std::size_t number) {
  return "10.1." + std::to_string(number / 256) + "." + std::to_string(number % 256);
}

}  // namespace

TEST_CASE("failures of an address are counted until a minute has passed without one") {
  LoginFailures failures;
  CHECK(failures.count("10.0.0.7", kStart) == 0);
  CHECK(failures.note("10.0.0.7", kStart) == 1);
  CHECK(failures.note("10.0.0.7", kStart + 50s) == 2);
  CHECK(failures.count("10.0.0.7", kStart + 110s) == 2);
  CHECK(failures.count("10.0.0.8", kStart + 110s) == 0);
  CHECK(failures.count("10.0.0.7", kStart + 111s) == 0);
  CHECK(failures.note("10.0.0.7", kStart + 111s) == 1);
}

TEST_CASE(
    "of IPv6 it is the /64 that fails, of IPv4 the address in either form, of a Unix socket the socket") {
  LoginFailures failures;
  failures.note("fd00:1:2:3::1", kStart);
  CHECK(failures.note("fd00:1:2:3:4:5:6:7", kStart) == 2);
  CHECK(failures.count("fd00:1:2:4::1", kStart) == 0);
  failures.note("10.0.0.7", kStart);
  CHECK(failures.note("::ffff:10.0.0.7", kStart) == 2);
  CHECK(failures.count("10.0.0.8", kStart) == 0);
  failures.note("/run/a.sock", kStart);
  CHECK(failures.count("/run/a.sock", kStart) == 1);
  CHECK(failures.count("", kStart) == 0);
  CHECK(subscriberKey("fd00::1") == subscriberKey("fd00::2"));
  CHECK(subscriberKey("10.0.0.1") != subscriberKey("10.0.0.2"));
}

TEST_CASE("where there are too many, whoever has failed the longest ago is forgotten, and nobody else") {
  LoginFailures failures;
  for (std::size_t i = 0; i < LoginFailures::kMost; ++i)
    failures.note(host(i), kStart + std::chrono::milliseconds(i));
  failures.note(host(0), kStart + 10s);  // the oldest is another one now
  failures.note("10.9.9.9", kStart + 10s);
  CHECK(failures.size() == LoginFailures::kMost);
  CHECK(failures.count(host(0), kStart + 10s) == 2);
  CHECK(failures.count(host(1), kStart + 10s) == 0);
  CHECK(failures.count(host(2), kStart + 10s) == 1);
  failures.note("10.9.9.9", kStart + 75s);
  CHECK(failures.size() == 1);
}
