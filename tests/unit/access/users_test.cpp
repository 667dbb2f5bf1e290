// Users as lines of a file, and the roster that all threads share.
#include "proxy/access/users.h"
#include "catch.h"
#include "proxy/access/roster.h"
#include "proxy/access/split_words.h"
#include "vocabularies.h"

namespace slotless::test {

using access::Roster;
using access::Unknown;
using Lines = std::vector<std::string>;

namespace {

access::ReadUsers read(const Lines& lines, Unknown unknown = Unknown::Refused) {
  return access::readUsers(lines, access::makeDefaultUser("pw"), builtInWords(), unknown, "file");
}

}  // namespace

TEST_CASE("users are read from lines, and the default user is there in any case") {
  const access::ReadUsers users =
      read({"user alice on >x ~a* +@all", "", "  # a remark", "user bob  ( +get  ~x )"});
  REQUIRE(users.errors.empty());
  CHECK(users.users.size() == 3);
  CHECK(lineOf(*findUser(users.users, "bob")) ==
        "user bob off resetchannels -@all (~x resetchannels -@all +get)");
  CHECK(accepts(findUser(users.users, "default").get(), "pw"));
  CHECK(findUser(users.users, "carol") == nullptr);
}

TEST_CASE("lines can have a default user of their own") {
  const access::ReadUsers users = read({"user default off"});
  CHECK_FALSE(findUser(users.users, "default")->enabled);
}

TEST_CASE("a default user without a password needs none") {
  CHECK(lineOf(access::makeDefaultUser("")) == "user default on nopass ~* &* +@all");
}

TEST_CASE("errors name the line, and no secrets") {
  const auto error = [](const std::string& line) {
    const access::ReadUsers users = read({"user ok on", line});
    return users.errors.size() == 1 ? users.errors.front() : "";
  };
  CHECK(error("alice on") == "file:2: line should start with user keyword and a name");
  CHECK(error("user") == "file:2: line should start with user keyword and a name");
  CHECK(error("user ok off") == "file:2: user 'ok' is declared a second time");
  CHECK(error("user a +foo") ==
        "file:2: Error in applying operation '+foo': Unknown command or category name in ACL");
  CHECK(error("user a (+get") == "file:2: Unmatched parenthesis in selector definition.");
  CHECK(error("user a #secret").find("secret") == std::string::npos);
  CHECK(error("user a <secret").find("secret") == std::string::npos);
  CHECK(error("user a on > secret") == "file:2: Error in applying operation 3: Syntax error");
  CHECK(error("user a pass=secret").find("secret") == std::string::npos);
  CHECK(error("user a (>secret)").find("secret") == std::string::npos);
  CHECK(error("user a (+foo >secret)").find("secret") == std::string::npos);
}

TEST_CASE("what no server has told of yet is a warning where that is allowed") {
  const access::ReadUsers users = read({"user a -ft.search"}, Unknown::Accepted);
  CHECK(users.errors.empty());
  CHECK(users.warnings == Lines{"file:1: user 'a' has a rule about what is not known: -ft.search"});
}

TEST_CASE("what is written is read as the same users") {
  const access::ReadUsers users = read({"user alice on >x ~a* +@all (+get ~b)", "user bob databases=1"});
  const access::ReadUsers again = read(access::linesOf(textOf(users.users)));
  CHECK(again.errors.empty());
  CHECK(textOf(again.users) == textOf(users.users));
}

TEST_CASE("all keys as a pattern are not all keys when they are read again") {
  const access::ReadUsers users = read({"user a ~x %RW~* %R~y", "user b ~x %RW~*"});
  CHECK(users.errors.empty());
  CHECK(keysText(findUser(users.users, "a")->root) == "~x %RW~* %R~y");
  CHECK(keysText(findUser(users.users, "b")->root) == "~x %RW~*");
  const access::ReadUsers again = read(access::linesOf(textOf(users.users)));
  CHECK(again.errors.empty());
  CHECK_FALSE(findUser(again.users, "b")->root.allKeys);
}

TEST_CASE("words may stand in quotes") {
  CHECK(access::splitWords(R"( a "b c" 'd e' f"g h" "\x41\n\"" )") ==
        Lines{"a", "b c", "d e", "fg h", "A\n\""});
  CHECK_FALSE(access::splitWords("\"a"));
  CHECK_FALSE(access::splitWords("\"a\"b"));
  CHECK(access::splitWords("") == Lines{});
}

TEST_CASE("the roster takes the configuration's users when it says something else than before") {
  Roster roster;
  CHECK_FALSE(roster.snapshot()->on);
  const Roster::Source first{true, {"user alice on nopass"}, "pw"};
  CHECK(roster.configure(first, builtInWords()).empty());
  const Roster::SnapshotPtr before = roster.snapshot();
  CHECK(before->on);
  CHECK(before->users.size() == 2);
  CHECK_FALSE(roster.change([](access::Users& users) -> std::optional<std::string> {
    users.erase("alice");
    return std::nullopt;
  }));
  CHECK(before->users.size() == 2);
  CHECK(roster.snapshot()->version > before->version);
  CHECK(roster.configure(first, builtInWords()).empty());
  CHECK(roster.snapshot()->users.size() == 1);
  CHECK(roster.configure({true, {"user alice", "user bob"}, "pw"}, builtInWords()).empty());
  CHECK(roster.snapshot()->users.size() == 3);
  CHECK(roster.configure({}, builtInWords()).empty());
  CHECK_FALSE(roster.snapshot()->on);
}

TEST_CASE("what is wrong leaves the roster as it was") {
  Roster roster;
  CHECK(roster.configure({true, {"user alice"}, ""}, builtInWords()).empty());
  const Roster::SnapshotPtr before = roster.snapshot();
  CHECK(roster.configure({true, {"user alice bogus"}, ""}, builtInWords()).size() == 1);
  CHECK(roster.change([](access::Users& users) -> std::optional<std::string> {
    users.clear();
    return "no";
  }) == "no");
  CHECK(roster.snapshot() == before);
}

}  // namespace slotless::test
