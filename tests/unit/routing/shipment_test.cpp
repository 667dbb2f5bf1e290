#include "proxy/routing/shipment.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "protocol/command_table.h"
#include "protocol/operand_names.h"
#include "protocol/slot_tags.h"

namespace slotless::routing {

namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::optional<Shipment> shipmentOf(std::string_view text) {
  const std::vector<std::string_view> words = split(text);
  const protocol::CommandSpec* spec = protocol::CommandTable::builtIn()->find(protocol::Argv(words));
  REQUIRE(spec != nullptr);
  return routing::shipmentOf(*spec, words);
}

using Positions = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("what travels is what is only read and in another slot than what is written") {
  const protocol::Slot a = protocol::slotOf("a");
  struct Case {
    std::string_view command;
    Positions travelling;
    std::optional<std::uint32_t> written;
  };
  const std::vector<Case> cases = {
      {"sunionstore a b c", {2, 3}, 1},
      {"sinterstore a a c", {3}, 1},
      {"zunionstore a 2 b {a}x", {3}, 1},
      {"zrangestore a b 0 -1", {2}, 1},
      {"geosearchstore a b fromlonlat 0 0 byradius 1 m", {2}, 1},
      {"georadius b 0 0 1 m store a", {1}, 7},
      {"georadiusbymember b m 1 m count 1 storedist a", {1}, 8},
      {"georadius {a}x 0 0 1 m store a store {a}x", {}, 7},
      {"bitop and a b c", {3, 4}, 2},
      {"pfmerge a b", {2}, 1},
      {"sunion a {a}x b", {3}, {}},
      {"sintercard 3 a b {a}x", {3}, {}},
      {"zunion 3 b a {a}x weights 1 2 3", {2}, {}},
      {"pfcount a a b", {3}, {}},
      {"lcs a b", {2}, {}},
  };
  for (const Case& each : cases) {
    const auto shipment = shipmentOf(each.command);
    INFO(each.command);
    REQUIRE(shipment);
    CHECK(shipment->travelling == each.travelling);
    CHECK(shipment->written == each.written);
    CHECK(shipment->destination == a);
  }
}

TEST_CASE("what writes keys in several slots, runs scripts, blocks or is not told of does not travel") {
  for (const std::string_view command :
       {"msetnx a 1 b 2", "lmove a b left left", "rpoplpush a b", "eval x 2 a b", "fcall f 2 a b",
        "xread streams a b 0 0", "xreadgroup group g c streams a b 0 0", "lmpop 2 a b left",
        "georadius a 0 0 1 m store b store c", "georadius a 0 0 1 m", "rename a b", "copy a b", "smove a b m",
        "sunion"}) {
    INFO(command);
    CHECK_FALSE(shipmentOf(command));
  }
}

TEST_CASE("a command with more arguments than a script takes is left alone") {
  std::string text = "sunionstore a";
  for (int i = 0; i < 7000; ++i) text += " b";
  CHECK_FALSE(shipmentOf(text));
}

TEST_CASE("operands have names that lead to any slot, and that nothing else has") {
  for (protocol::Slot slot = 0; slot < protocol::kSlotCount; ++slot) {
    const std::string name = protocol::operandName(slot, 12);
    if (protocol::slotOf(name) != slot || !protocol::isOperandName(name)) FAIL(name);
  }
  for (const std::string_view other :
       {"", "~{", "~{abc}", "~{abc}slotless:other:1", "~{abcd}slotless:operand:1", "x"})
    CHECK_FALSE(protocol::isOperandName(other));
}

}  // namespace slotless::routing
