#include "config/process_inputs.h"

#include <cstdlib>

#include "loading.h"

using namespace slotless::config;

TEST_CASE("The inputs of the process are its arguments without the name, its variables and its CPUs") {
  const char* const arguments[] = {"slotless", "--workers", "3"};
  REQUIRE(setenv("SLOTLESS_TEST_INPUT", "a=b", 1) == 0);
  const auto inputs = processInputs(3, arguments);
  unsetenv("SLOTLESS_TEST_INPUT");
  CHECK(inputs.arguments == std::vector<std::string>{"--workers", "3"});
  CHECK(inputs.environment.at("SLOTLESS_TEST_INPUT") == "a=b");
  CHECK(inputs.cpuCount >= 1);
  CHECK(processInputs(0, arguments).arguments.empty());
}

TEST_CASE("A file is read, or the system's reason is given") {
  CHECK(readFile("/dev/null").text == "");
  CHECK(readFile("/does/not/exist").error == "No such file or directory");
  CHECK(readFile("/").error == "Is a directory");
  CHECK(readFile("/dev/zero").error == "the file is larger than 1 MiB");
}
