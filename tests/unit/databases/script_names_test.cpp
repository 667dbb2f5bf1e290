#include "proxy/databases/script_names.h"

#include "catch.h"
#include "proxy/databases/node_scripts.h"

namespace slotless::databases {

TEST_CASE("what stands in front of a script is one line of Lua with the facts of commands in it",
          "[script_names]") {
  enum class Scope { Together, Groups, Nodes };
  using Keys = ScriptNames::Keys;
  const auto scope = GENERATE(Scope::Together, Scope::Groups, Scope::Nodes);
  const auto commands = protocol::CommandTable::builtIn();
  const ScriptNames names(*commands, {}, scope == Scope::Groups ? Keys::InGroups : Keys::Together);
  const bool onEachNode = scope == Scope::Nodes;
  const std::string wrapped = onEachNode ? wrapForNodes("return 1", *commands) : names.wrap("return 1");
  REQUIRE(wrapped.starts_with(ScriptNames::kOpening));
  CHECK(wrapped.ends_with(std::string(ScriptNames::kClosing) + "return 1"));
  CHECK(wrapped.find('\n') == std::string::npos);
  CHECK(wrapped.find("--") == std::string::npos);             // a comment would end with the line
  CHECK(wrapped.find_first_of("\"\\") == std::string::npos);  // MONITOR would show them otherwise
  CHECK(wrapped.find("local facts=[[ ") != std::string::npos);
  CHECK(wrapped.find(onEachNode ? " mget=LI,1R-1,1,0 " : " mget=I,1R-1,1,0 ") != std::string::npos);
  CHECK(wrapped.find(onEachNode ? " del=EI,1R-1,1,0 " : " del=I,1R-1,1,0 ") != std::string::npos);
  CHECK((wrapped.find("have shown it") != std::string::npos) == onEachNode);
  CHECK(wrapped.find("@NODES@") == std::string::npos);
  CHECK(wrapped.find("@FACTS@") == std::string::npos);
  CHECK(wrapped.find("@GROUPS@") == std::string::npos);
  CHECK((wrapped.find("groupOf") != std::string::npos) == (scope == Scope::Groups));
  CHECK(wrapped.find("end)(redis,KEYS,ARGV);") != std::string::npos);
}

TEST_CASE("a script that may reach the servers' own redis has more in front", "[script_names]") {
  using Keys = ScriptNames::Keys;
  const auto commands = protocol::CommandTable::builtIn();
  const ScriptNames names(*commands, {true, false}, GENERATE(Keys::Together, Keys::InGroups));
  for (const std::string_view script :
       {"return _G.redis.call('get', 'a')", "return loadstring('return redis')()", "local f = load return f",
        "return getfenv(1)", "return setfenv", "-- x\rreturn _G", "return [[_G"}) {
    INFO(script);
    const std::string wrapped = names.wrap(script);
    CHECK(wrapped.starts_with(ScriptNames::kOpening));
    CHECK(wrapped.ends_with(std::string(ScriptNames::kClosing) + std::string(script)));
    const std::string front = wrapped.substr(0, wrapped.size() - script.size());
    CHECK(front.find("local _G,load,loadstring,setmetatable,rawset,getfenv,setfenv=") != std::string::npos);
    CHECK(front.find_first_of("\n\"\\") == std::string::npos);
    CHECK(front.find("--") == std::string::npos);
  }
  for (const std::string_view script : {"return 1", "return '_G'", "return KEYS[1] -- load",
                                        "--[[ loadstring ]] return 1", "return reload"}) {
    INFO(script);
    CHECK(names.wrap(script).find("local _G,") == std::string::npos);
  }
}

TEST_CASE("the first argument of a command that no script may call is no key", "[script_names]") {
  const auto commands = protocol::CommandTable::builtIn();
  const std::string wrapped = ScriptNames(*commands).wrap("return 1");
  for (const std::string_view name : {"auth", "hello", "subscribe", "wait", "eval"}) {
    INFO(name);
    CHECK(wrapped.find(" " + std::string(name) + "= ") != std::string::npos);
  }
}

TEST_CASE("where all masters run a script it may call keys of several slots", "[script_names]") {
  const auto commands = protocol::CommandTable::builtIn();
  CHECK(wrapForNodes("#!lua\nreturn 1", *commands).starts_with("#!lua flags=allow-cross-slot-keys\n"));
  CHECK(wrapForNodes("#!lua flags=no-cluster,no-writes\nreturn 1", *commands)
            .starts_with("#!lua flags=allow-cross-slot-keys,no-writes\n"));
}

}  // namespace slotless::databases
