#include "config/command_line.h"

#include "loading.h"

using namespace slotless::config;

namespace {

// "option=text" of each setting.
std::vector<std::string> settingsOf(const CommandLine& line) {
  std::vector<std::string> result;
  for (const auto& setting : line.settings.settings)
    result.push_back(std::string(setting.option->name) + "=" + setting.text);
  return result;
}

std::vector<std::string> errorsOf(const CommandLine& line) {
  std::vector<std::string> result;
  for (const auto& error : line.settings.errors) result.push_back(error.text());
  return result;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("A value stands after the name or behind an equals sign") {
  const auto line =
      readCommandLine(Texts{"--workers", "3", "--log-level=debug", "--password=a=b", "--username="});
  CHECK(errorsOf(line).empty());
  CHECK(settingsOf(line) == Texts{"workers=3", "log-level=debug", "password=a=b", "username="});
  CHECK(line.settings.settings[1].origin.text == "command-line argument 3 (--log-level)");
}

TEST_CASE("List options may be repeated, others not") {
  const auto line = readCommandLine(Texts{"--listen", ":1", "--listen=:2", "--workers", "3", "--workers=4"});
  CHECK(settingsOf(line) == Texts{"listen=:1", "listen=:2", "workers=3"});
  CHECK(errorsOf(line) ==
        Texts{"command-line argument 6 (--workers): workers: found a second time; allowed: once"});
}

TEST_CASE("A value may look like an option unless it is one") {
  CHECK(settingsOf(readCommandLine(Texts{"--password", "--hunter2", "--username", "-x"})) ==
        Texts{"password=--hunter2", "username=-x"});
  for (const auto& next : {"--workers=2", "--help", "--config"}) {
    INFO(next);
    const auto errors = errorsOf(readCommandLine(Texts{"--password", next}));
    REQUIRE_FALSE(errors.empty());
    CHECK(errors[0] ==
          "command-line argument 1 (--password): password: found no value; allowed: up to 4096 "
          "characters in one line");
  }
}

TEST_CASE("What cannot be understood is named by its place") {
  struct Case {
    Texts arguments;
    std::string error;
  };
  const std::string noOption =
      ": found a word that belongs to no option; allowed: --name VALUE or --name=VALUE";
  const auto& c = GENERATE_COPY(values<Case>({
      {{"--lisen", ":1"}, "command-line argument 1: unknown option \"lisen\"; did you mean \"--listen\"?"},
      {{"--lisen=:1"}, "command-line argument 1: unknown option \"lisen\"; did you mean \"--listen\"?"},
      {{"-listen", ":1"}, "command-line argument 1: unknown option \"listen\"; did you mean \"--listen\"?"},
      {{"--appendonly", "no"},
       "command-line argument 1: unknown option \"appendonly\"; --help lists what is known"},
      {{"slotless.yaml"}, "command-line argument 1" + noOption},
      {{"--"}, "command-line argument 1" + noOption},
      {{""}, "command-line argument 1" + noOption},
      {{"--workers"},
       "command-line argument 1 (--workers): workers: found no value; allowed: auto or 1 to 256"},
      {{"--config"},
       "command-line argument 1 (--config): config: found nothing; allowed: the path of a YAML file"},
      {{"--config="},
       "command-line argument 1 (--config): config: found nothing; allowed: the path of a YAML file"},
      {{"--config=a", "--config=b"},
       "command-line argument 2 (--config): config: found a second time; allowed: once"},
      {{"--check-config=yes"},
       "command-line argument 1 (--check-config): found a value; allowed: --check-config alone"},
  }));
  CHECK(errorsOf(readCommandLine(c.arguments)) == Texts{c.error});
}

TEST_CASE("No word that may be a secret is repeated in an error") {
  const std::vector<Texts> lines{
      {"--pasword", "hunter2"},        {"--pasword", "--hunter2"},
      {"--pasword=hunter2"},           {"--secret", "--hunter2"},
      {"--password:hunter2"},          {"-password", "hunter2"},
      {"--password", "my", "hunter2"}, {"--password", "a", "--password", "hunter2"}};
  for (const auto& line : lines) {
    INFO(line[0]);
    const auto errors = errorsOf(readCommandLine(line));
    REQUIRE_FALSE(errors.empty());
    for (const auto& error : errors) CHECK_FALSE(contains(error, "hunter2"));
  }
}

TEST_CASE("The actions are found wherever an option may stand") {
  CHECK(readCommandLine(Texts{"--workers", "x", "--help"}).action == Action::Help);
  CHECK(readCommandLine(Texts{"-h"}).action == Action::Help);
  CHECK(readCommandLine(Texts{"--version"}).action == Action::Version);
  CHECK(readCommandLine(Texts{"-v"}).action == Action::Version);
  CHECK(readCommandLine(Texts{"--print-config-reference"}).action == Action::PrintReference);
  CHECK(readCommandLine(Texts{"--check-config", "--workers", "2"}).action == Action::CheckConfig);
  CHECK(readCommandLine(Texts{"--password=--help"}).action == Action::Run);
}
