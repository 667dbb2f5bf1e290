// A parser that does not end, crashes or cannot be tried, in another process.
#include "config/parser_trial.h"

#include <chrono>

#include "catch.h"

using namespace slotless::config;
using namespace std::chrono_literals;

namespace {

std::optional<std::string> tryShell(const std::string& command, const std::string& text,
                                    std::chrono::milliseconds patience = 10s) {
  return tryParser(text, {{"/bin/sh"}, {"-c", command}, patience});
}

}  // namespace

TEST_CASE("A parser that comes to its end is tried with the whole text") {
  std::string text(100'000, 'x');
  text += "\nworkers: 3\n";
  CHECK_FALSE(tryShell("test $(wc -c) = " + std::to_string(text.size()) + " && printf .", text));
}

TEST_CASE("A parser that does not come to its end is ended") {
  const auto begin = std::chrono::steady_clock::now();
  const auto problem = tryShell("while :; do :; done", "a", 200ms);
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  REQUIRE(problem);
  CHECK(problem->find("does not come to an end") != std::string::npos);
}

TEST_CASE("A parser that crashes is told of") {
  for (const auto* command : {"kill -SEGV $$", "exit 3", "printf x"}) {
    INFO(command);
    const auto problem = tryShell(command, "a");
    REQUIRE(problem);
    CHECK(problem->find("the parser fails on it") != std::string::npos);
  }
}

TEST_CASE("Where no program can be started, the next one is, or nobody knows") {
  CHECK_FALSE(tryParser("a", {{"/no/such/program"}, {}, 10s}));
  CHECK_FALSE(tryParser("a", {{"/no/such/program", "/bin/sh"}, {"-c", "printf ."}, 10s}));
}
