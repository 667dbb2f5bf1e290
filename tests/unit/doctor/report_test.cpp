// How findings are shown, what the arguments are, and which keys are strangers.
#include "proxy/doctor/report.h"

#include "catch.h"
#include "clusters.h"
#include "proxy/databases/database.h"
#include "proxy/doctor/daemon_config.h"
#include "proxy/doctor/key_probe.h"

namespace slotless::doctor {
namespace {

const Finding kFinding{Severity::Warning, "lag", "a:1", "it is \"late\"\n", "why", "do"};

TEST_CASE("JSON is one line with all that is known") {
  CHECK(jsonReport(healthy(), {}) == "{\"nodes\":6,\"answered\":6,\"worst\":\"none\",\"findings\":[]}\n");
  CHECK(
      jsonReport(healthy(), {kFinding}) ==
      "{\"nodes\":6,\"answered\":6,\"worst\":\"warning\",\"findings\":[{\"severity\":\"warning\",\"check\":\"lag\","
      "\"subject\":\"a:1\",\"seen\":\"it is \\\"late\\\"\\u000a\",\"why\":\"why\",\"todo\":\"do\"}]}\n");
}

TEST_CASE("JSON stays JSON, whatever a server has said") {
  Finding finding = kFinding;
  finding.seen = "a\xff";
  CHECK(jsonReport(healthy(), {finding}).find("\"seen\":\"a\\ufffd\"") != std::string::npos);
}

TEST_CASE("The text says what, why and what to do, and counts") {
  CHECK(textReport(healthy(), {kFinding}).starts_with("WARNING [lag] a:1\n  seen  it is"));
  CHECK(textReport(healthy(), {kFinding})
            .ends_with("0 critical, 1 warning, 0 notes; 6 of 6 nodes answered.\n"));
  CHECK(textReport(healthy(), {}) ==
        "Nothing is wrong, as far as can be seen from here; 6 of 6 nodes answered.\n");
}

TEST_CASE("The exit code is by the worst") {
  CHECK(exitCode({}) == 0);
  CHECK(exitCode({{Severity::Note, "a", "", "", "", ""}}) == 0);
  CHECK(exitCode({kFinding}) == 1);
  CHECK(exitCode({{Severity::Critical, "a", "", "", "", ""}, kFinding}) == 2);
}

TEST_CASE("The daemon's options and the sub-command's own may be mixed") {
  const SplitArguments split = splitArguments(
      {{"json"}, {"skip", true}},
      {"--json", "a:1", "--config", "x.yaml", "--skip", "lag", "--workers=3", "--skip=tls", "b:2"});
  CHECK(split.own == subcommand::Arguments{"--json", "--skip", "lag", "--skip=tls"});
  CHECK(split.daemon ==
        subcommand::Arguments{"--config", "x.yaml", "--workers=3", "--cluster-nodes", "a:1,b:2"});
}

TEST_CASE("Keys that no database has are strangers") {
  config::Config config;
  config.databases = 3;
  config.databaseLayout = {{1, 1, config::DatabaseLayout::Spread, ""},
                           {2, 2, config::DatabaseLayout::Pinned, "two"}};
  const databases::Databases databases(config);
  CHECK_FALSE(isStranger(databases, "plain"));
  CHECK_FALSE(isStranger(databases, "~1:key"));
  CHECK_FALSE(isStranger(databases, "~2{two}key"));
  CHECK_FALSE(isStranger(databases, "~{slotless-1}"));
  CHECK(isStranger(databases, "~1{one}key"));   // once pinned
  CHECK(isStranger(databases, "~2{zwei}key"));  // by another tag
  CHECK(isStranger(databases, "~7:key"));       // of a database that is no more
}

}  // namespace
}  // namespace slotless::doctor
