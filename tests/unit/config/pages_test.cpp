#include "config/pages.h"

#include "config/process_inputs.h"
#include "config/schema.h"
#include "loading.h"

using namespace slotless::config;

TEST_CASE("docs/configuration.md is the text that --print-config-reference prints") {
  const auto page = Loading{{"--print-config-reference"}, {}, {}}.printout();
  CHECK(page == referencePage());
  const auto file = readFile(SLOTLESS_DOCS "/configuration.md");
  REQUIRE(file.text);
  CHECK((*file.text == page));
}

TEST_CASE("Help and reference have every option") {
  const auto help = Loading{{"--help"}, {}, {}}.printout();
  for (const auto& option : schema()) {
    INFO(option.name);
    CHECK(contains(help, "  --" + std::string(option.name) + " VALUE\n"));
    CHECK(contains(help, std::string(option.sentence)));
    CHECK(contains(referencePage(), "| `" + std::string(option.name) + "` |"));
    CHECK(contains(referencePage(), "`" + environmentName(option.name) + "`"));
  }
}

TEST_CASE("Help and version ask for no valid configuration") {
  CHECK(
      contains(Loading{{"--workers=0", "--help"}, {{"SLOTLESS_X", "1"}}, {}}.printout(), "Usage: slotless"));
  CHECK(contains(Loading{{"--version"}, {}, {}}.printout(), "slotless 0."));
}

TEST_CASE("the option check-config tells each value and where it comes from") {
  Loading loading = withFile("workers: 3\nlisten: ['127.0.0.1:1', '[::1]:2']\n");
  loading.arguments.insert(loading.arguments.end(), {"--check-config", "--log-level", "debug"});
  const auto page = loading.printout();
  for (const auto* line : {"workers: 3  # c.yaml:1\n", "listen: [\"127.0.0.1:1\", \"[::1]:2\"]  # c.yaml:2\n",
                           "log-level: debug  # command-line argument 3 (--log-level)\n",
                           "cluster-nodes: [\"10.0.0.1:6379\"]  # environment variable REDIS_CLUSTER_NODES\n",
                           "hold-timeout: 15s  # default\n", "# password: (not set)  # default\n"}) {
    INFO(line);
    CHECK(contains(page, line));
  }
  CHECK(contains(withArguments({"--check-config"}).printout(), "workers: 4  # default (auto)\n"));
}

TEST_CASE("the option check-config reports errors instead") {
  CHECK(withArguments({"--check-config", "--workers=0"}).errors().size() == 1);
}

TEST_CASE("the option check-config never shows a secret") {
  Loading loading = withArguments({"--check-config", "--password=hunter2"});
  CHECK_FALSE(contains(loading.printout(), "hunter2"));
  CHECK(
      contains(loading.printout(), "# password: (set, not shown)  # command-line argument 3 (--password)\n"));
  loading = withArguments({"--check-config", "--password-file=secret"});
  loading.files["secret"] = "hunter2\n";
  CHECK_FALSE(contains(loading.printout(), "hunter2"));
  CHECK(contains(loading.printout(),
                 "(set, not shown)  # command-line argument 3 (--password-file), password-file\n"));
}

TEST_CASE("What --check-config prints is a file that gives the same configuration") {
  const std::vector<std::vector<std::string>> lines{
      {},
      {"--admin-listen=off", "--link-client-name=a\"b\\c#", "--client-idle-timeout=1500ms",
       "--hold-max-bytes=1500", "--cross-slot=error", "--protected-mode=no", "--listen=:1", "--workers=7"}};
  for (const auto& line : lines) {
    Loading loading = withArguments(line);
    const auto config = loading.config();
    loading.arguments.emplace_back("--check-config");
    const auto page = loading.printout();
    INFO(page);
    CHECK(Loading{{"--config=p.yaml"}, {}, {{"p.yaml", page}}}.config() == config);
  }
}
