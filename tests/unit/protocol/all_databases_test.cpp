#include "protocol/all_databases.h"

#include "catch.h"
#include "protocol/command_table.h"

using namespace slotless::protocol;

TEST_CASE("what is about all databases is known by name, and nothing with keys is among it") {
  const auto table = CommandTable::builtIn();
  std::size_t count = 0;
  for (const CommandSpec& command : table->commands()) {
    for (const CommandSpec& each : command.subcommands) {
      if (!concernsAllDatabases(each)) continue;
      ++count;
      INFO(each.name);
      CHECK(each.keySpecs.empty());
      // Those are refused anyway to who does not administer.
      CHECK_FALSE(each.in(kCategoryAdmin));
      CHECK_FALSE(each.in(kCategoryDangerous));
    }
    CHECK_FALSE(concernsAllDatabases(command));
  }
  CHECK(count == 5);
  CHECK_FALSE(concernsAllDatabases(*table->find("memory|usage")));
}
