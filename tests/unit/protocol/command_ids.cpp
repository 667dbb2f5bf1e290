// Ids that stay the same whatever table a command is in, and commands whose keys only a server knows.
#include <string>
#include <thread>
#include <vector>

#include "catch.h"
#include "protocol/command_facts.h"
#include "protocol/command_ids.h"
#include "protocol/command_table.h"
#include "protocol/key_extraction.h"

namespace slotless::protocol {
namespace {

TEST_CASE("a command has the same id in every table", "[command]") {
  std::vector<CommandSpec> facts = builtInFacts();
  facts.insert(facts.begin(), *parseFactLine("ids.new 2; readonly; 1 1 1; @read;"));
  const CommandTable learned(std::move(facts));
  for (const CommandSpec& command : CommandTable::builtIn()->commands()) {
    INFO(command.name);
    CHECK(learned.find(command.name)->id == command.id);
    for (const CommandSpec& subcommand : command.subcommands) {
      CHECK(learned.find(subcommand.name)->id == subcommand.id);
    }
  }
  const CommandTable again({*parseFactLine("IDS.new 3; write; 1 1 1; @write;")});
  CHECK(again.find("ids.new")->id == learned.find("ids.new")->id);
  CHECK(again.find("ids.new")->id >= CommandTable::builtIn()->idCount());
  CHECK(CommandIds::ofProcess().nameOf(again.find("ids.new")->id) == "ids.new");
}

TEST_CASE("names beyond the capacity share one id", "[command]") {
  CommandIds ids;
  const std::uint16_t before = ids.idOf("get");
  for (std::size_t i = 0; i < CommandIds::kCapacity; ++i) {
    CHECK(ids.idOf("crowd." + std::to_string(i)) < CommandIds::kCapacity);
  }
  CHECK(ids.idOf("crowd.late") == CommandIds::kOverflow);
  CHECK(ids.nameOf(CommandIds::kOverflow) == CommandIds::kOverflowName);
  CHECK(ids.idOf("get") == before);
  CHECK(ids.idOf("crowd.0") < CommandIds::kOverflow);
  CHECK(ids.nameOf(CommandIds::kCapacity).empty());
}

TEST_CASE("threads agree on the ids of new names", "[command]") {
  CommandIds ids;
  std::vector<std::uint16_t> seen(4);
  std::vector<std::thread> threads;
  for (std::uint16_t& id : seen) threads.emplace_back([&] { id = ids.idOf("threads.one"); });
  for (std::thread& thread : threads) thread.join();
  for (const std::uint16_t id : seen) CHECK(id == seen.front());
  CHECK(ids.idOf("threads.two") != seen.front());
}

TEST_CASE("a server is asked for keys where COMMAND leaves them open", "[command]") {
  struct Row {
    std::string_view line;
    bool asks;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"m.old -2; readonly module movablekeys; 0 0 0; ;", true},
           {"m.ranged -2; readonly module movablekeys; 1 1 1; ;", true},
           {"m.api -2; readonly module movablekeys; 1 1 1; ; ; RW access update variable_flags: index 1: "
            "range 0 1 0",
            true},
           {"m.open -2; readonly module movablekeys; 0 0 0; ; ; RO: unknown: unknown", true},
           {"new.open -2; readonly movablekeys; 1 1 1; ; ; RO incomplete: index 1: range 0 1 0", true},
           {"m.fixed -2; readonly module; 1 1 1; ; ; RW access update variable_flags: index 1: range 0 1 0",
            false},
           {"m.told -2; readonly module movablekeys; 0 0 0; ; ; RO: index 1: keynum 0 1 1", false},
           {"m.none -2; readonly module; 0 0 0; ;", false}}) {
    INFO(row.line);
    const CommandTable table({*parseFactLine(row.line)});
    const CommandSpec& spec = table.commands().front();
    CHECK((spec.keyProcedure == KeyProcedure::AskServer) == row.asks);
    if (row.asks) CHECK(spec.singleKey == 0);
  }
}

// Redis 8.0 says "incomplete" of what others tell in full: no round trip for each XREAD.
TEST_CASE("no server is asked for the keys of commands whose options the proxy knows", "[command]") {
  static constexpr std::string_view kIncomplete = "; ; RO incomplete: keyword STREAMS 1: range -1 1 2";
  for (const std::string_view name :
       {"xread", "xreadgroup", "georadius", "georadiusbymember", "sort", "migrate"}) {
    INFO(name);
    const std::string line =
        std::string(name) + " -4; readonly movablekeys; 0 0 0; " + std::string(kIncomplete);
    const auto facts = parseFactLine(line);
    REQUIRE(facts);
    CHECK(CommandTable({*facts}).commands().front().keyProcedure != KeyProcedure::AskServer);
  }
}

TEST_CASE("the keys of no built-in command have to be asked for", "[command]") {
  for (const CommandSpec& command : CommandTable::builtIn()->commands()) {
    INFO(command.name);
    CHECK(command.keyProcedure != KeyProcedure::AskServer);
    for (const CommandSpec& subcommand : command.subcommands) {
      CHECK(subcommand.keyProcedure != KeyProcedure::AskServer);
    }
  }
}

}  // namespace
}  // namespace slotless::protocol
