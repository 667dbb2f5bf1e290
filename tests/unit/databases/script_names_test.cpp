#include "proxy/databases/script_names.h"

#include "catch.h"

namespace slotless::databases {

TEST_CASE("what stands in front of a script is one line of Lua with the facts of commands in it",
          "[script_names]") {
  const auto keys = GENERATE(ScriptNames::Keys::Together, ScriptNames::Keys::InGroups);
  const ScriptNames names(*protocol::CommandTable::builtIn(), {}, keys);
  const std::string wrapped = names.wrap("return 1");
  REQUIRE(wrapped.starts_with(ScriptNames::kOpening));
  CHECK(wrapped.ends_with(std::string(ScriptNames::kClosing) + "return 1"));
  CHECK(wrapped.find('\n') == std::string::npos);
  CHECK(wrapped.find("--") == std::string::npos);             // a comment would end with the line
  CHECK(wrapped.find_first_of("\"\\") == std::string::npos);  // MONITOR would show them otherwise
  CHECK(wrapped.find("local facts=[[ ") != std::string::npos);
  CHECK(wrapped.find(" mget=I,1R-1,1,0 ") != std::string::npos);
  CHECK(wrapped.find("@FACTS@") == std::string::npos);
  CHECK(wrapped.find("@GROUPS@") == std::string::npos);
  CHECK((wrapped.find("groupOf") != std::string::npos) == (keys == ScriptNames::Keys::InGroups));
  CHECK(wrapped.find("end)(redis,KEYS,ARGV);") != std::string::npos);
}

}  // namespace slotless::databases
