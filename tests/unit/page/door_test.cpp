// Who may see the status page, and who may act.
#include "proxy/page/door.h"

#include "catch.h"
#include "proxy/access/digest.h"

using namespace slotless;
using page::Door;
using telemetry::AdminRequest;

namespace {

constexpr Door::TimePoint kStart{std::chrono::hours(1)};

AdminRequest from(const std::string& peer, const std::string& headers = "Host: localhost:9379\r\n") {
  AdminRequest request;
  request.method = "GET";
  request.path = "/api/v1/health.json";
  request.peer = peer;
  request.headers = headers;
  return request;
}

std::shared_ptr<config::Config> withUsers(std::vector<std::string> lines) {
  auto config = std::make_shared<config::Config>();
  config->adminUsers = std::move(lines);
  return config;
}

Door doorOf(const std::shared_ptr<const config::Config>& config) {
  Door door;
  door.setRules(config, nullptr);
  return door;
}

// As a browser sends it back.
std::string cookieOf(const Door::Login& login) {
  constexpr std::string_view kBefore = "Set-Cookie: ";
  REQUIRE(login.cookie.starts_with(kBefore));
  return "Cookie: other=1; " + login.cookie.substr(kBefore.size(), login.cookie.find(';') - kBefore.size()) +
         "\r\nHost: x\r\n";
}

}  // namespace

TEST_CASE("without a login only this machine reads, by a name that nobody else can have") {
  Door door = doorOf(withUsers({}));
  CHECK(door.look(from("127.0.0.1"), kStart).entry == Door::Entry::Reader);
  CHECK(door.look(from("::1", "Host: [::1]:9379\r\n"), kStart).entry == Door::Entry::Reader);
  CHECK(door.look(from("127.0.0.1", "Host: 127.0.0.1:9379\r\n"), kStart).entry == Door::Entry::Reader);
  CHECK(door.look(from("127.0.0.1", "Host: evil.example:9379\r\n"), kStart).entry == Door::Entry::WrongName);
  CHECK(door.look(from("127.0.0.1", ""), kStart).entry == Door::Entry::WrongName);
  CHECK(door.look(from("10.0.0.9"), kStart).entry == Door::Entry::Denied);
  CHECK(door.look(from("127.0.0.1", "Host: localhost\r\nX-Forwarded-For: 10.0.0.9\r\n"), kStart).entry ==
        Door::Entry::Denied);
  CHECK_FALSE(door.hasUsers());
}

TEST_CASE("with admin-open everybody reads, and nobody is a user by that") {
  auto config = withUsers({});
  config->adminOpen = true;
  Door door = doorOf(config);
  CHECK(door.look(from("10.0.0.9", "Host: proxy.example\r\n"), kStart).entry == Door::Entry::Reader);
}

TEST_CASE("a login gives a cookie that only the browser sees, and a token for the page") {
  Door door = doorOf(withUsers({"user ann on >secret"}));
  CHECK(door.hasUsers());
  const Door::Login login = door.login(from("10.0.0.9"), "ann", "secret", kStart);
  CHECK(login.cookie.find("; HttpOnly; SameSite=Strict") != std::string::npos);
  CHECK(login.cookie.find("; Secure") == std::string::npos);
  const Door::Visitor visitor = door.look(from("10.0.0.9", cookieOf(login)), kStart);
  CHECK(visitor.entry == Door::Entry::User);
  CHECK(visitor.user == "ann");
  CHECK(visitor.token.size() == 64);
  CHECK(login.cookie.find(visitor.token) == std::string::npos);

  AdminRequest encrypted = from("10.0.0.9");
  encrypted.encrypted = true;
  CHECK(door.login(encrypted, "ann", "secret", kStart).cookie.find("; Secure") != std::string::npos);
}

TEST_CASE("a password may be given by its digest, and an account without one is none") {
  Door door = doorOf(withUsers({"user ann on #" + access::digestOf("secret"), "user bob on nopass",
                                "user cat off >secret", "user dog on"}));
  CHECK_FALSE(door.login(from("a"), "ann", "secret", kStart).cookie.empty());
  CHECK(door.login(from("b"), "bob", "", kStart).cookie.empty());
  CHECK(door.login(from("c"), "cat", "secret", kStart).cookie.empty());
  CHECK(door.login(from("d"), "dog", "", kStart).cookie.empty());
  CHECK(door.login(from("e"), "default", "", kStart).cookie.empty());
}

TEST_CASE("a session ends by logout, idleness, age, and another password") {
  const auto config = withUsers({"user ann on >secret"});
  Door door = doorOf(config);
  const std::string first = cookieOf(door.login(from("10.0.0.9"), "ann", "secret", kStart));
  const auto isUser = [&](const std::string& cookie, Door::TimePoint now) {
    return door.look(from("10.0.0.9", cookie), now).entry == Door::Entry::User;
  };
  CHECK(isUser(first, kStart + std::chrono::minutes(29)));
  CHECK(isUser(first, kStart + std::chrono::minutes(58)));
  CHECK_FALSE(isUser(first, kStart + std::chrono::minutes(89)));
  CHECK_FALSE(isUser(first, kStart + std::chrono::minutes(58)));

  const std::string second = cookieOf(door.login(from("10.0.0.9"), "ann", "secret", kStart));
  for (int i = 1; i < 32; ++i) CHECK(isUser(second, kStart + std::chrono::minutes(15) * i));
  CHECK_FALSE(isUser(second, kStart + std::chrono::minutes(15) * 33));

  const std::string third = cookieOf(door.login(from("10.0.0.9"), "ann", "secret", kStart));
  CHECK(door.logout(from("10.0.0.9", third)).find("Max-Age=0") != std::string::npos);
  CHECK_FALSE(isUser(third, kStart));

  const std::string fourth = cookieOf(door.login(from("10.0.0.9"), "ann", "secret", kStart));
  door.setRules(withUsers({"user ann on >another"}), nullptr);
  CHECK_FALSE(isUser(fourth, kStart));
}

TEST_CASE("failed logins of one address have to wait longer and longer, others do not") {
  Door door = doorOf(withUsers({"user ann on >secret"}));
  Door::TimePoint now = kStart;
  for (unsigned i = 0; i < Door::kFreeFailures; ++i)
    CHECK(door.login(from("10.0.0.9"), "ann", "wrong", now).retryAfter.count() == 0);
  CHECK(door.login(from("10.0.0.9"), "ann", "secret", now).retryAfter.count() == 1);
  CHECK_FALSE(door.login(from("10.0.0.8"), "ann", "secret", now).cookie.empty());
  std::int64_t last = 1;
  for (int i = 0; i < 10; ++i) {
    now += Door::kLongestWait;
    CHECK(door.login(from("10.0.0.9"), "ann", "wrong", now).retryAfter.count() == 0);
    const std::int64_t wait = door.login(from("10.0.0.9"), "ann", "secret", now).retryAfter.count();
    CHECK(wait >= last);
    last = wait;
  }
  CHECK(last == 60);
  now += Door::kLongestWait;
  CHECK_FALSE(door.login(from("10.0.0.9"), "ann", "secret", now).cookie.empty());
  CHECK(door.login(from("10.0.0.9"), "ann", "wrong", now).retryAfter.count() == 0);
}

TEST_CASE("an address of IPv6 waits for what the others of its /64 have done") {
  Door door = doorOf(withUsers({"user ann on >secret"}));
  for (const char* each : {"fd00:1:2:3::1", "fd00:1:2:3::2", "fd00:1:2:3:4::3"})
    CHECK(door.login(from(each), "ann", "wrong", kStart).retryAfter.count() == 0);
  CHECK(door.login(from("fd00:1:2:3::4"), "ann", "secret", kStart).retryAfter.count() == 1);
  CHECK_FALSE(door.login(from("fd00:1:2:4::1"), "ann", "secret", kStart).cookie.empty());
}

TEST_CASE("there are only so many sessions: the one that was idle longest ends") {
  Door door = doorOf(withUsers({"user ann on >secret"}));
  const std::string first = cookieOf(door.login(from("a"), "ann", "secret", kStart));
  for (std::size_t i = 0; i < Door::kMostSessions; ++i)
    cookieOf(door.login(from("a"), "ann", "secret", kStart + std::chrono::seconds(1)));
  CHECK(door.look(from("10.0.0.9", first), kStart + std::chrono::seconds(1)).entry == Door::Entry::Denied);
}

TEST_CASE("of the clients' users only administrators may log in, where admin-users names nobody") {
  access::Roster roster;
  const auto table = protocol::CommandTable::builtIn();
  const auto errors = roster.configure(
      {true, {"user boss on >secret allkeys +@all", "user app on >secret allkeys +@read"}, {}},
      access::Vocabulary(*table));
  REQUIRE(errors.empty());
  Door door;
  door.setRules(withUsers({}), roster.snapshot());
  CHECK(door.hasUsers());
  CHECK_FALSE(door.login(from("a"), "boss", "secret", kStart).cookie.empty());
  CHECK(door.login(from("b"), "app", "secret", kStart).cookie.empty());
  door.setRules(withUsers({"user ann on >secret"}), roster.snapshot());
  CHECK(door.login(from("a"), "boss", "secret", kStart).cookie.empty());
}

TEST_CASE("a request of another site is known by what browsers say of it") {
  CHECK(Door::isSameOrigin(from("a", "Host: h:1\r\n")));
  CHECK(Door::isSameOrigin(from("a", "Host: h:1\r\nOrigin: http://h:1\r\nSec-Fetch-Site: same-origin\r\n")));
  CHECK(Door::isSameOrigin(from("a", "Host: h:1\r\nOrigin: https://h:1\r\n")));
  CHECK_FALSE(Door::isSameOrigin(from("a", "Host: h:1\r\nOrigin: http://h:2\r\n")));
  CHECK_FALSE(Door::isSameOrigin(from("a", "Host: h:1\r\nOrigin: null\r\n")));
  CHECK_FALSE(Door::isSameOrigin(from("a", "Host: h:1\r\nSec-Fetch-Site: cross-site\r\n")));
}
