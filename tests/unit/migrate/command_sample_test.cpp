#include "proxy/migrate/command_sample.h"

#include "catch.h"
#include "config/database_rule.h"

using namespace slotless;
using migrate::CommandSample;
using migrate::Places;
using subcommand::parseMonitorLine;

namespace {

Places places() {
  config::Config config;
  for (const char* rule : {"1=pinned", "2=grouped:bull:*:"})
    config.databaseLayout.push_back(*config::parseDatabaseRule(rule).value);
  return Places(config);
}

void watch(CommandSample& sample, std::initializer_list<const char*> lines) {
  for (const char* line : lines) {
    const auto seen = parseMonitorLine(line);
    REQUIRE(seen);
    sample.add(*seen, "app");
  }
}

bool refuses(const CommandSample& sample, const std::string& part) {
  for (const auto& [text, objection] : sample.objections()) {
    if (objection.refused && text.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE(
    "Scripts and transactions over several slots are refused where keys are spread, and not in pinned databases") {
  const Places all = places();
  CommandSample sample(all);
  watch(sample, {R"(1.1 [1 1:1] "eval" "return 1" "2" "a" "b")", R"(1.1 [1 1:1] "multi")",
                 R"(1.1 [1 1:1] "set" "a" "1")", R"(1.1 [1 1:1] "set" "b" "1")", R"(1.1 [1 1:1] "exec")"});
  CHECK(sample.objections().empty());
  watch(sample, {R"(1.1 [0 1:1] "eval" "return 1" "2" "a" "b")"});
  CHECK(refuses(sample, "database 0: EVAL"));
  watch(sample,
        {R"(1.1 [0 1:1] "multi")", R"(1.1 [0 2:2] "set" "other" "1")", R"(1.1 [0 1:1] "set" "a" "1")"});
  CHECK_FALSE(refuses(sample, "MULTI"));
  watch(sample, {R"(1.1 [0 1:1] "set" "b" "1")"});
  CHECK(refuses(sample, "database 0: MULTI"));
}

TEST_CASE("keys of one group are together, those of two are not") {
  const Places all = places();
  CommandSample sample(all);
  watch(sample, {R"(1.1 [2 1:1] "eval" "return 1" "2" "bull:a:x" "bull:a:y")"});
  CHECK(sample.objections().empty());
  watch(sample, {R"(1.1 [2 1:1] "eval" "return 1" "2" "bull:a:x" "bull:b:y")"});
  CHECK(refuses(sample, "database 2: EVAL"));
}

TEST_CASE("what is carried out step by step is noted, and what no layout takes is refused") {
  const Places all = places();
  CommandSample sample(all);
  watch(sample, {R"(1.1 [0 1:1] "mget" "a" "b")", R"(1.1 [0 1:1] "swapdb" "0" "1")"});
  CHECK(refuses(sample, "SWAPDB"));
  CHECK_FALSE(refuses(sample, "MGET"));
  CHECK(sample.objections().size() == 2);
  sample.addCounted("replicaof", 3);
  CHECK(refuses(sample, "REPLICAOF"));
}
