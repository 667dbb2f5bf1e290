// What a user may do with a command, its keys and its channels.
#include "catch.h"
#include "vocabularies.h"

namespace slotless::test {

TEST_CASE("commands are allowed by name, category and subcommand; the last rule that fits counts") {
  const auto may = [](std::string_view rules, std::string_view command) {
    return verdict(permissionOf("~* &* " + std::string(rules)), command).empty();
  };
  CHECK(may("+get", "get k"));
  CHECK_FALSE(may("+get", "set k v"));
  CHECK(may("+@read", "get k"));
  CHECK_FALSE(may("+@read", "set k v"));
  CHECK_FALSE(may("+@all -@dangerous", "keys *"));
  CHECK(may("+@all -@dangerous +keys", "keys *"));
  CHECK_FALSE(may("+keys -@dangerous", "keys *"));
  CHECK(may("+config|get", "config get x"));
  CHECK_FALSE(may("+config|get", "config set x y"));
  CHECK(may("+config -config|set", "config get x"));
  CHECK_FALSE(may("+config -config|set", "config set x y"));
  // A container's category is its subcommands' as well.
  CHECK(may("+@slow", "acl setuser x"));
  CHECK_FALSE(may("-@all", "get k"));
}

TEST_CASE("a command that is refused may be allowed with one first argument") {
  const access::Permission permission = permissionOf("+select|0 +select|1 ~*");
  CHECK(verdict(permission, "select 0").empty());
  CHECK(verdict(permission, "select 1").empty());
  CHECK(verdict(permission, "select 2") == "command");
  CHECK(verdict(permissionOf("+select|0 -select"), "select 0") == "command");
}

TEST_CASE("who has not logged in may, and so everybody") {
  for (const char* command : {"auth x", "hello 3", "quit", "reset"})
    CHECK(verdict(permissionOf(""), command).empty());
}

TEST_CASE("every key of a command needs a pattern that allows what is done to it") {
  const access::Permission permission = permissionOf("+@all &* ~both* %R~read* %W~write* scripts=unchecked");
  CHECK(verdict(permission, "get both1").empty());
  CHECK(verdict(permission, "get read1").empty());
  CHECK(verdict(permission, "get write1") == "key write1");
  CHECK(verdict(permission, "get other") == "key other");
  CHECK(verdict(permission, "set write1 v").empty());
  CHECK(verdict(permission, "set read1 v") == "key read1");
  CHECK(verdict(permission, "set write1 v get") == "key write1");
  CHECK(verdict(permission, "set both1 v get").empty());
  CHECK(verdict(permission, "mset write1 v write2 v").empty());
  CHECK(verdict(permission, "mset write1 v other v") == "key other");
  CHECK(verdict(permission, "copy read1 write1").empty());
  CHECK(verdict(permission, "copy write1 read1") == "key write1");
  CHECK(verdict(permission, "bitfield read1 get u8 0").empty());
  CHECK(verdict(permission, "bitfield read1 set u8 0 1") == "key read1");
  CHECK(verdict(permission, "eval x 1 both1").empty());
  CHECK(verdict(permission, "eval x 1 read1") == "key read1");
  CHECK(verdict(permission, "eval x 0").empty());
  CHECK(verdict(permission, "sort read1 store write1").empty());
  CHECK(verdict(permission, "sort read1 store read2") == "key read2");
  CHECK(verdict(permission, "georadius read1 1 2 3 km store write1").empty());
  CHECK(verdict(permission, "georadius read1 1 2 3 km storedist read2") == "key read2");
  CHECK(verdict(permission, "xread streams read1 read2 0 0").empty());
  CHECK(verdict(permission, "xread streams read1 write2 0 0") == "key write2");
  CHECK(verdict(permission, "xreadgroup group g c streams read1 >").empty());
  // It tells nothing of the value: any permission will do.
  CHECK(verdict(permission, "exists write1").empty());
  CHECK(verdict(permission, "exists other") == "key other");
  CHECK(verdict(permission, "ping").empty());
}

TEST_CASE("where arguments contradict the command nothing is allowed, whatever a server would make of them") {
  CHECK(verdict(permissionOf("+@all ~k* scripts=unchecked"), "eval x 5 k") == "key k");
}

TEST_CASE("channels are matched by pattern, patterns by their name") {
  const access::Permission permission = permissionOf("+@all ~* &news.* &a?");
  CHECK(verdict(permission, "publish news.x m").empty());
  CHECK(verdict(permission, "publish other m") == "channel other");
  CHECK(verdict(permission, "spublish other m") == "channel other");
  CHECK(verdict(permission, "subscribe news.x ab").empty());
  CHECK(verdict(permission, "subscribe news.x other") == "channel other");
  CHECK(verdict(permission, "ssubscribe other") == "channel other");
  CHECK(verdict(permission, "psubscribe news.*").empty());
  CHECK(verdict(permission, "psubscribe news.x") == "channel news.x");
  CHECK(verdict(permission, "psubscribe *") == "channel *");
  CHECK(verdict(permission, "unsubscribe other").empty());
  CHECK(verdict(permission, "pubsub numsub other") == "channel other");
  CHECK(permission.mayHear("news.y", false));
  CHECK_FALSE(permission.mayHear("other", false));
}

TEST_CASE("a command needs one selector that allows all of it") {
  const access::Permission permission = permissionOf("+get ~a* (+set ~b*) (+mget ~a* ~b*)");
  CHECK(verdict(permission, "get a1").empty());
  CHECK(verdict(permission, "get b1") == "key b1");
  CHECK(verdict(permission, "set b1 v").empty());
  CHECK(verdict(permission, "set a1 v") == "key a1");
  CHECK(verdict(permission, "mget a1 b1").empty());
  CHECK(verdict(permission, "del a1") == "command");
}

TEST_CASE("SORT's patterns are for who may read all keys") {
  const access::Permission some = permissionOf("+@all ~k*");
  CHECK(verdict(some, "sort k1 by w_*") == "by");
  CHECK(verdict(some, "sort k1 by nosort").empty());
  CHECK(verdict(some, "sort k1 get #") == "get");
  CHECK(verdict(some, "sort k1 get x by w_*") == "get");
  CHECK(verdict(some, "sort_ro k1 by w_*") == "by");
  CHECK(verdict(permissionOf("+@all ~*"), "sort k1 by w_* get x*").empty());
  CHECK(verdict(permissionOf("+@all %R~*"), "sort k1 by w_*").empty());
}

TEST_CASE("scripts are for who may do everything, or whose scripts are not to be checked") {
  for (const char* command :
       {"eval x 0", "evalsha x 0", "eval_ro x 0", "evalsha_ro x 0", "fcall f 0", "fcall_ro f 0"}) {
    INFO(command);
    CHECK(verdict(permissionOf("+@all ~*"), command) == "script");
    CHECK(verdict(permissionOf("+@all ~* scripts=unchecked"), command).empty());
  }
  CHECK(verdict(permissionOf("+@all ~*"), "script load x").empty());
  CHECK(verdict(permissionOf("+@all ~*"), "function list").empty());
  CHECK_FALSE(verdict(permissionOf("+@all ~* databases=1"), "script load x").empty());
  CHECK_FALSE(verdict(permissionOf("+@all ~* databases=1"), "function list").empty());
  CHECK(verdict(permissionOf("+@all ~* databases=1 scripts=unchecked"), "function list").empty());
}

TEST_CASE("who is read-only writes nothing, not even by scripts") {
  const access::Permission permission = permissionOf("+@all ~* &* read-only scripts=unchecked");
  CHECK(verdict(permission, "get k").empty());
  CHECK(verdict(permission, "set k v") == "read-only");
  CHECK(verdict(permission, "flushall") == "read-only");
  CHECK(verdict(permission, "eval x 0") == "read-only");
  CHECK(verdict(permission, "eval_ro x 0").empty());
  CHECK(verdict(permission, "fcall f 0") == "read-only");
  CHECK(verdict(permission, "pfcount k").empty());
  CHECK(verdict(permission, "publish c m").empty());
}

TEST_CASE("only who may do everything is free of all questions") {
  CHECK(permissionOf("+@all ~* &*").unrestricted());
  CHECK(permissionOf("+get (+@all ~* &*)").unrestricted());
  CHECK(permissionOf("+@all ~* &* read-from=replica database=3").unrestricted());
  for (const char* less : {"+@all ~*", "+@all &*", "~* &*", "+@all -get ~* &*", "+@all ~* &* read-only",
                           "+@all ~* &* databases=1", "+@all ~k* &*"}) {
    INFO(less);
    CHECK_FALSE(permissionOf(less).unrestricted());
  }
}

TEST_CASE("an administrator may run all that is @admin") {
  CHECK(permissionOf("+@all").administers());
  CHECK(permissionOf("+@admin").administers());
  CHECK(permissionOf("(+@admin)").administers());
  CHECK_FALSE(permissionOf("+@all -@dangerous").administers());
  CHECK_FALSE(permissionOf("+@admin -monitor").administers());
  CHECK_FALSE(permissionOf("+client|list").administers());
}

TEST_CASE("databases that may be selected are a set of ranges") {
  const access::Permission some = permissionOf("databases=0,2,5-7");
  for (const std::uint32_t database : {0U, 2U, 5U, 6U, 7U}) CHECK(some.maySelect(database));
  for (const std::uint32_t database : {1U, 3U, 4U, 8U, 100U}) CHECK_FALSE(some.maySelect(database));
  CHECK(permissionOf("").maySelect(100));
}

TEST_CASE("refusals have Redis 7.0.15's texts") {
  const auto& get = *protocol::CommandTable::builtIn()->find("get");
  const auto& set = *protocol::CommandTable::builtIn()->find("config|set");
  using access::Reason;
  using access::refusalLine;
  CHECK(refusalLine({Reason::Command}, get) ==
        "NOPERM this user has no permissions to run the 'get' command");
  CHECK(refusalLine({Reason::Command}, set) ==
        "NOPERM this user has no permissions to run the 'config|set' command");
  CHECK(refusalLine({Reason::Key, 1}, get) ==
        "NOPERM this user has no permissions to access one of the keys used as arguments");
  CHECK(refusalLine({Reason::Channel, 1}, get) ==
        "NOPERM this user has no permissions to access one of the channels used as arguments");
  CHECK(refusalLine({Reason::SortBy}, get) ==
        "ERR BY option of SORT denied due to insufficient ACL permissions.");
  CHECK(refusalLine({Reason::Script}, get).ends_with("scripts=unchecked allows it"));
}

}  // namespace slotless::test
