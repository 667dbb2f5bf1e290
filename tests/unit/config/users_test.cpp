// Users in the configuration: lines, or a file of lines; what they mean is not this room's.
#include "config/default_user.h"
#include "config/reload.h"
#include "loading.h"

using namespace slotless::config;

TEST_CASE("Users are lines of their own, commas included") {
  const Config config = withFile("users:\n  - \"user a on >x ~a,b databases=1,2\"\n  - 'user b'\n").config();
  CHECK(config.users == std::vector<std::string>{"user a on >x ~a,b databases=1,2", "user b"});
  CHECK(config.hasUsers());
  CHECK_FALSE(withArguments({}).config().hasUsers());
  CHECK(withArguments({"--users", "user a", "--users=user b"}).config().users.size() == 2);
}

TEST_CASE("An ACL file has the users, and is one even if it is empty") {
  Loading loading = withArguments({"--acl-file", "users.acl"});
  loading.files["users.acl"] = "user a on\n\nuser b\n";
  CHECK(loading.config().users == std::vector<std::string>{"user a on", "", "user b"});
  loading.files["users.acl"] = "";
  CHECK(loading.config().users.empty());
  CHECK(loading.config().hasUsers());
}

TEST_CASE("Users and an ACL file at the same time are an error, and so is a file that is not there") {
  Loading loading = withArguments({"--acl-file", "users.acl", "--users", "user a"});
  loading.files["users.acl"] = "";
  REQUIRE(loading.errors().size() == 1);
  CHECK(contains(loading.errors().front(), "acl-file: found together with users"));
  const auto missing = withArguments({"--acl-file", "nowhere"}).errors();
  REQUIRE(missing.size() == 1);
  CHECK(contains(missing.front(), "acl-file: found \"nowhere\" (No such file or directory)"));
}

TEST_CASE("What somebody else finds wrong with users is an error of the option") {
  Loading loading = withArguments({"--users", "user a bogus"});
  loading.checkUsers = [](const std::vector<std::string>& lines, const std::string& where) {
    return std::vector<std::string>{where + ":" + std::to_string(lines.size()) + ": wrong"};
  };
  REQUIRE(loading.errors().size() == 1);
  CHECK(contains(loading.errors().front(), "users: users:1: wrong"));
}

TEST_CASE("Users are never shown") {
  const std::string page = withArguments({"--users", "user a on >topsecret", "--check-config"}).printout();
  CHECK_FALSE(contains(page, "topsecret"));
  const Config before = withArguments({}).config();
  const Config after = withArguments({"--users", "user a on >topsecret"}).config();
  const Reload reload = planReload(before, after);
  REQUIRE(reload.changes.size() == 1);
  CHECK(reload.changes.front().after == "(set, not shown)");
  CHECK(reload.config.users == after.users);
}

TEST_CASE("A default user that needs no password lets anybody in, any other nobody") {
  const auto open = [](const std::string& line, bool otherwise = false) {
    return defaultUserIsOpen({"user a on nopass", line}, otherwise);
  };
  CHECK(open("user default on nopass"));
  CHECK(open("user default ON >x NOPASS +@all"));
  CHECK_FALSE(open("user default on >x"));
  CHECK_FALSE(open("user default on nopass >x"));
  CHECK_FALSE(open("user default on nopass #abc"));
  CHECK_FALSE(open("user default on nopass resetpass"));
  CHECK_FALSE(open("user default nopass off", true));
  CHECK_FALSE(open("user default on nopass reset", true));
  CHECK(open("user b", true));
  CHECK_FALSE(open("user b", false));
}

TEST_CASE("With users an open listener needs that nobody comes in without a password") {
  const std::vector<std::string> anywhere = {"--listen", "0.0.0.0:7379"};
  const auto errors = [&](const std::string& line) {
    std::vector<std::string> arguments = anywhere;
    arguments.insert(arguments.end(), {"--users", line});
    return withArguments(arguments).errors().size();
  };
  CHECK(errors("user default off") == 0);
  CHECK(errors("user default on >x") == 0);
  CHECK(errors("user default on nopass") == 1);
  CHECK(errors("user a on >x") == 1);
}
