// Modules' commands whose facts are made right.
#include "protocol/module_keys.h"

#include "catch.h"
#include "protocol/command_facts.h"
#include "protocol/command_table.h"
#include "protocol/key_extraction.h"

namespace slotless::protocol {
namespace {

std::vector<std::uint32_t> keysOf(std::string_view line, std::vector<std::string_view> argv) {
  std::vector<CommandSpec> facts = builtInFacts();
  facts.push_back(*parseFactLine(line));
  const CommandTable table(std::move(facts));
  const CommandSpec* spec = table.find(argv[0]);
  REQUIRE(spec != nullptr);
  std::vector<std::uint32_t> positions;
  CHECK(keyPositions(*spec, argv, positions) == KeyResult::Ok);
  return positions;
}

TEST_CASE("of JSON.MGET all but the last argument are keys, of JSON.MSET each third one", "[module_keys]") {
  using Positions = std::vector<std::uint32_t>;
  CHECK(keysOf("JSON.MGET -3; readonly module; 1 1 1; ;", {"JSON.MGET", "a", "b", "$"}) == Positions{1, 2});
  CHECK(keysOf("json.mget -3; readonly module movablekeys; 0 0 0; ;", {"json.mget", "a", "$"}) ==
        Positions{1});
  CHECK(keysOf("json.mset -4; write module; 1 1 1; ;", {"json.mset", "a", "$", "1", "b", "$", "2"}) ==
        Positions{1, 4});
}

TEST_CASE("the name of an index decides where a cursor is", "[module_keys]") {
  CHECK(keysOf("ft.aggregate -1; readonly module; 0 0 0; ;", {"ft.aggregate", "i", "*"}) ==
        std::vector<std::uint32_t>{1});
  CHECK(keysOf("ft.cursor -1; readonly module; 0 0 0; ;", {"ft.cursor", "READ", "i", "7"}) ==
        std::vector<std::uint32_t>{2});
}

TEST_CASE("what is no module's is left as it is, and so is what is not known", "[module_keys]") {
  CHECK(keysOf("json.mget -3; readonly; 1 1 1; ;", {"json.mget", "a", "b", "$"}) ==
        std::vector<std::uint32_t>{1});
  CHECK(keysOf("json.get -2; readonly module; 1 1 1; ;", {"json.get", "a", "b"}) ==
        std::vector<std::uint32_t>{1});
}

}  // namespace
}  // namespace slotless::protocol
