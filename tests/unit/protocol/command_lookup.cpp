// Finding commands by name, arity, ids.
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "protocol/command_facts.h"
#include "protocol/command_ids.h"
#include "protocol/command_table.h"

namespace slotless::protocol {
namespace {

const CommandTable& table() {
  return *CommandTable::builtIn();
}

const CommandSpec* findCall(std::vector<std::string_view> argv, const CommandSpec** container = nullptr) {
  return table().find(Argv(argv), container);
}

TEST_CASE("the built-in table holds the 240 commands of Redis 7.0.15", "[command]") {
  CHECK(table().commands().size() == 240);
  CHECK(builtInFactLines().size() == 366);
}

TEST_CASE("every line of the built-in facts is well-formed", "[command]") {
  for (const std::string_view line : builtInFactLines()) {
    INFO(line);
    CHECK(parseFactLine(line).has_value());
  }
}

TEST_CASE("a malformed fact is refused", "[command]") {
  for (const std::string_view line :
       {"", "get", "get x; ; 0 0 0; ;", "get 2; readonly; 1 1; @read;",
        "get 2; ; 1 1 1; ; ; RX: index 1: range 0 1 0", "get 2; ; 1 1 1; ; ; RO: nowhere 1: range 0 1 0",
        "get 2; ; 1 1 1; ; ; RO: index 1: range 0 1"}) {
    INFO(line);
    CHECK_FALSE(parseFactLine(line).has_value());
  }
}

TEST_CASE("a command is found in any case", "[command]") {
  for (const std::string_view name : {"get", "GET", "gEt"}) {
    REQUIRE(table().find(name) != nullptr);
    CHECK(table().find(name)->name == "get");
  }
  for (const std::string_view name :
       {"georadiusbymember_ro", "GEORADIUSBYMEMBER_RO", "restore-asking", "ZREMRANGEBYLEX"}) {
    CHECK(table().find(name) != nullptr);
  }
}

TEST_CASE("names that only resemble a command are unknown", "[command]") {
  using namespace std::string_view_literals;
  for (const std::string_view name : {""sv, "g"sv, "ge"sv, "gett"sv, "get "sv, " get"sv, "get\0"sv, "\0get"sv,
                                      "g\xC5t"sv, "'et"sv, "@et"sv, "[et"sv, "sort-ro"sv, "SORT\x7Fro"sv,
                                      "|"sv, "object|"sv, "|encoding"sv, "object|encoding|x"sv, "get|x"sv}) {
    INFO(name);
    CHECK(table().find(name) == nullptr);
  }
  CHECK(table().find(std::string(100'000, 'a')) == nullptr);
}

TEST_CASE("every command is found by its name, in upper case, too", "[command]") {
  const auto upper = [](std::string text) {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
  };
  for (const CommandSpec& command : table().commands()) {
    CHECK(table().find(upper(command.name)) == &command);
    for (const CommandSpec& subcommand : command.subcommands) {
      CHECK(table().find(upper(subcommand.name)) == &subcommand);
      const std::string part = upper(subcommand.name.substr(command.name.size() + 1));
      CHECK(findCall({command.name, part}) == &subcommand);
    }
  }
}

TEST_CASE("a container's call resolves to its subcommand", "[command]") {
  const CommandSpec* container = nullptr;
  CHECK(findCall({"Object", "EncodinG", "k"}, &container)->name == "object|encoding");
  CHECK(container == nullptr);
  CHECK(findCall({"get", "encoding"})->name == "get");
}

TEST_CASE("an unknown subcommand names its container", "[command]") {
  const CommandSpec* container = nullptr;
  CHECK(findCall({"object", "nosuch"}, &container) == nullptr);
  REQUIRE(container != nullptr);
  CHECK(container->name == "object");
  CHECK(findCall({"nosuch", "object"}, &container) == nullptr);
  CHECK(container == nullptr);
  CHECK(findCall({}, &container) == nullptr);
}

TEST_CASE("a container alone is itself, for its arity error", "[command]") {
  const CommandSpec* found = findCall({"object"});
  REQUIRE(found != nullptr);
  CHECK(found->name == "object");
  CHECK_FALSE(found->arityFits(1));
  CHECK(findCall({"command"})->arityFits(1));
}

TEST_CASE("a subcommand's full name is not a command that a client could send", "[command]") {
  CHECK(findCall({"object|encoding", "k"}) == nullptr);
  CHECK(findCall({"object", "object|encoding"}) == nullptr);
}

TEST_CASE("arity fits exactly, or at least when negative", "[command]") {
  struct Row {
    std::string_view name;
    std::size_t argc;
    bool fits;
  };
  for (const Row& row : std::initializer_list<Row>{{"get", 1, false},
                                                   {"get", 2, true},
                                                   {"get", 3, false},
                                                   {"set", 2, false},
                                                   {"set", 3, true},
                                                   {"set", 300, true},
                                                   {"object|encoding", 2, false},
                                                   {"object|encoding", 3, true},
                                                   {"client|setinfo", 3, false},
                                                   {"client|setinfo", 4, true}}) {
    INFO(row.name << " with " << row.argc);
    CHECK(table().find(row.name)->arityFits(row.argc) == row.fits);
  }
}

TEST_CASE("the built-in ids are dense, unique and lead back to the names", "[command]") {
  std::set<std::size_t> seen;
  const auto check = [&](const CommandSpec& spec) {
    CHECK(seen.insert(spec.id).second);
    REQUIRE(spec.id < table().idCount());
    CHECK(CommandIds::ofProcess().nameOf(spec.id) == spec.name);
  };
  for (const CommandSpec& command : table().commands()) {
    check(command);
    for (const CommandSpec& subcommand : command.subcommands) check(subcommand);
  }
  CHECK(seen.size() == table().idCount());
}

TEST_CASE("CLIENT SETINFO is known although Redis 7.0 lacks it, and is not added twice", "[command]") {
  std::vector<CommandSpec> facts = builtInFacts();
  const auto countIn = [](const CommandTable& commands) {
    std::size_t count = 0;
    for (const CommandSpec& s : commands.find("client")->subcommands)
      count += s.name == "client|setinfo" ? 1U : 0U;
    return count;
  };
  CHECK(countIn(table()) == 1);
  for (CommandSpec& command : facts) {
    if (command.name == "client")
      command.subcommands.push_back(*parseFactLine("client|setinfo 4; ; 0 0 0; @connection;"));
  }
  CHECK(countIn(CommandTable(std::move(facts))) == 1);
}

TEST_CASE("a table of learned facts derives as the built-in one does", "[command]") {
  std::vector<CommandSpec> facts;
  facts.push_back(
      *parseFactLine("JSON.GET -2; readonly module; 1 1 1; @read; ; RO access: index 1: range 0 1 0"));
  facts.push_back(*parseFactLine("json.get 5; write; 0 0 0; ;"));
  facts.push_back(*parseFactLine("old.server 3; write; 1 -1 2; ;"));
  const CommandTable learned(std::move(facts));
  REQUIRE(learned.find("json.get") != nullptr);
  CHECK(learned.find("JSON.GET")->arity == -2);  // of equal names the first one counts
  CHECK(learned.find("json.get")->has(kModule));
  CHECK(learned.find("json.get")->singleKey == 1);
  CHECK(learned.find("json.get")->retryAfterLoss);
  CHECK(learned.find("old.server")->handling == Handling::Keyed);
  CHECK(learned.find("get") == nullptr);
}

TEST_CASE("an empty table knows nothing", "[command]") {
  const CommandTable empty({});
  CHECK(empty.find("get") == nullptr);
  CHECK(empty.idCount() == 0);
}

}  // namespace
}  // namespace slotless::protocol
