// The ACL language word by word, and how users are shown; texts as Redis 7.0.15 has them.
#include "catch.h"
#include "proxy/access/digest.h"
#include "vocabularies.h"

namespace slotless::test {

using access::lineOf;

namespace {

constexpr std::string_view kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string shown(std::string_view rules) {
  return lineOf(userOf(rules)).substr(std::string_view("user u ").size());
}

bool accepts(const access::User& user, std::string_view password) {
  return access::accepts(&user, password);
}

}  // namespace

TEST_CASE("a new user is off and may do nothing") {
  CHECK(shown("") == "off resetchannels -@all");
}

TEST_CASE("users are shown in Redis's order, whatever the order of their rules") {
  CHECK(shown("+@all &ch* ~k* -get nopass %R~r* on %W~w* (+set ~s* &*) skip-sanitize-payload") ==
        "on nopass skip-sanitize-payload ~k* %R~r* %W~w* resetchannels &ch* +@all -get (~s* &* -@all +set)");
  CHECK(shown("on nopass ~* &* +@all") == "on nopass ~* &* +@all");
  CHECK(shown("allkeys allchannels allcommands") == "off ~* &* +@all");
}

TEST_CASE("passwords are kept as hashes, each once") {
  const std::string hash(kEmptyHash);
  CHECK(shown(">") == "off #" + hash + " resetchannels -@all");
  CHECK(shown("> #" + hash) == "off #" + hash + " resetchannels -@all");
  CHECK(shown("nopass >") == "off #" + hash + " resetchannels -@all");
  CHECK(shown("> nopass") == "off nopass resetchannels -@all");
  CHECK(shown("> <") == "off resetchannels -@all");
  CHECK(shown("> !" + hash) == "off resetchannels -@all");
  CHECK(shown("nopass resetpass") == "off resetchannels -@all");
  CHECK(access::digestOf("") == hash);
}

TEST_CASE("a password is right for a user that is on and has it") {
  CHECK(accepts(userOf("on >one >two"), "one"));
  CHECK(accepts(userOf("on >one >two"), "two"));
  CHECK_FALSE(accepts(userOf("on >one"), "two"));
  CHECK_FALSE(accepts(userOf("on >one"), ""));
  CHECK_FALSE(accepts(userOf("off >one"), "one"));
  CHECK_FALSE(accepts(userOf("on"), ""));
  CHECK(accepts(userOf("on nopass"), "anything"));
  CHECK_FALSE(accepts(userOf("off nopass"), "anything"));
  CHECK_FALSE(access::accepts(nullptr, ""));
}

TEST_CASE("the later rule about a command counts, and takes the earlier one's place") {
  CHECK(shown("+@all -@dangerous +@all") == "off resetchannels +@all");
  CHECK(shown("+@read -get +@read") == "off resetchannels -@all -get +@read");
  CHECK(shown("+get -get") == "off resetchannels -@all -get");
  CHECK(shown("+config|get -config") == "off resetchannels -@all -config");
  CHECK(shown("-config +config|get") == "off resetchannels -@all -config +config|get");
  CHECK(shown("+GET +@READ +Config|Get") == "off resetchannels -@all +get +@read +config|get");
  CHECK(shown("+select|0 +select|1") == "off resetchannels -@all +select|0 +select|1");
  CHECK(shown("+select|0 -select") == "off resetchannels -@all -select");
  CHECK(shown("+get nocommands") == "off resetchannels -@all");
}

TEST_CASE("patterns of keys and channels are kept once, with all that they allow") {
  CHECK(shown("~a ~a") == "off ~a resetchannels -@all");
  CHECK(shown("%R~a %W~a") == "off ~a resetchannels -@all");
  CHECK(shown("%rw~a") == "off ~a resetchannels -@all");
  CHECK(shown("%R~a") == "off %R~a resetchannels -@all");
  CHECK(shown("~a resetkeys ~b") == "off ~b resetchannels -@all");
  CHECK(shown("&a &a &b") == "off resetchannels &a &b -@all");
  CHECK(shown("&a resetchannels") == "off resetchannels -@all");
  CHECK(shown("~ %R~") == "off ~ resetchannels -@all");
}

TEST_CASE("selectors are added, in one word or several, and cleared") {
  CHECK(shown("(+get ~x) (%W~y)") ==
        "off resetchannels -@all (~x resetchannels -@all +get) (%W~y resetchannels -@all)");
  CHECK(shown("()") == "off resetchannels -@all (resetchannels -@all)");
  CHECK(shown("(+get) clearselectors") == "off resetchannels -@all");
  CHECK(userOf("(+get ~x").name == "Unmatched (+get");
  CHECK(userOf("on (+get (~x").name == "Unmatched (~x");
  CHECK(userOf("on (+get ~y (~a").name == "Unmatched (~a");
  CHECK(userOf("(").name == "Unmatched (");
  CHECK(shown("(\"~a\\\"b\" ~c\\'d' +get)") ==
        "off resetchannels -@all (\"~a\\\"b\" ~c\\d resetchannels -@all +get)");
}

TEST_CASE("reset makes a new user of it") {
  CHECK(shown("on >a ~* &* +@all (+get) databases=1 read-only reset") ==
        "off sanitize-payload resetchannels -@all");
}

TEST_CASE("limits that Redis does not have are words as well, shown behind the commands") {
  CHECK(shown("+@all databases=0,2,5-7 (+get)") ==
        "off resetchannels +@all databases=0,2,5-7 (resetchannels -@all +get)");
  CHECK(shown("database=3 read-from=prefer-replica read-only scripts=unchecked") ==
        "off resetchannels -@all database=3 read-from=prefer-replica read-only scripts=unchecked");
  CHECK(
      shown("databases=1 database=1 read-from=replica read-only scripts=unchecked databases=all database=any "
            "read-from=any read-write scripts=refused") == "off resetchannels -@all");
  for (const char* wrong : {"databases=", "databases=x", "databases=1,", "databases=3-1", "databases=99999",
                            "database=", "database=-1", "read-from=", "read-from=slave",
                            "scripts=", "scripts=yes", "read-only=yes", "databases", "(databases=1)"}) {
    INFO(wrong);
    CHECK(userOf(wrong).name == "Syntax error");
  }
}

TEST_CASE("a wrong rule gets Redis's text") {
  constexpr std::string_view kUnknown = "Unknown command or category name in ACL";
  for (const char* wrong : {"+foo", "-foo", "+@foo", "+get|x|y", "+config|foo", "+", "-", "+@", "-config|foo",
                            "-get|x", "(+foo)", "+|x"}) {
    INFO(wrong);
    CHECK(userOf(wrong).name == kUnknown);
  }
  for (const char* wrong :
       {"+select|", "+config|", "%~x", "%RR~x", "%RWX~", "%R", "bogus", "@x", "(bogus)", "(on)", ")", "%"}) {
    INFO(wrong);
    CHECK(userOf(wrong).name == "Syntax error");
  }
  access::User user;
  CHECK(applyRule(user, "~a b", builtInWords()) == access::RuleError::Syntax);
  CHECK(applyRule(user, "&a b", builtInWords()) == access::RuleError::Syntax);
  for (const char* rule : {"+g b", "+@g b", "+select|a b", "(\"+g b\")"})
    CHECK(applyRule(user, rule, builtInWords(), access::Unknown::Accepted) == access::RuleError::Unknown);
  CHECK(userOf("+config|get|x").name == "Allowing first-arg of a subcommand is not supported");
  CHECK(
      userOf("~* ~x").name ==
      "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. "
      "Try 'resetkeys' to start with an empty list of patterns");
  CHECK(userOf("&* &x").name ==
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any "
        "effect. Try 'resetchannels' to start with an empty list of channels");
  CHECK(userOf("<no").name == "The password you are trying to remove from the user does not exist");
  for (const char* wrong : {"#zz", "!zz"}) {
    CHECK(
        userOf(wrong).name ==
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters");
  }
}

TEST_CASE("rules about names that no server has told of yet are kept where files are read") {
  access::User user;
  for (const char* rule : {"+ft.search", "-@search", "+new|sub", "-other|sub", "+config|new"})
    CHECK_FALSE(applyRule(user, rule, builtInWords(), access::Unknown::Accepted));
  CHECK(lineOf(user) == "user  off resetchannels -@all +ft.search -@search +new|sub -other|sub +config|new");
  CHECK(unknownNames(user, builtInWords()) ==
        std::vector<std::string>{"+ft.search", "-@search", "+new|sub", "-other|sub", "+config|new"});
  CHECK(applyRule(user, "+", builtInWords(), access::Unknown::Accepted) == access::RuleError::Unknown);
  CHECK(applyRule(user, "+|", builtInWords(), access::Unknown::Accepted) == access::RuleError::Unknown);
}

TEST_CASE("what is shown can be read again and makes the same user") {
  for (const char* rules : {"on >pw ~k* %R~r* &c* +@all -@dangerous +info (+set ~s*) databases=1-3 read-only",
                            "nopass ~* &* +@all", "+select|0 +config|get -@hash",
                            "~a\"b (\"~a\\\"b\" \"&'\" +get) (\"+select|\\\"\" ~\\\\)"}) {
    const access::User user = userOf(rules);
    CHECK(userOf(lineOf(user).substr(std::string_view("user u ").size())) == user);
  }
}

}  // namespace slotless::test
