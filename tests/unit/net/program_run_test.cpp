// Programs whose output is wanted: limits on it and on their time, and that nothing is left of them.
#include "proxy/net/program_run.h"

#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "catch.h"
#include "proxy/net/uv_loop.h"
#include "temporary_folder.h"

namespace slotless::net {
namespace {

struct Running {
  explicit Running(const std::string& script, Millis patience = Millis(60'000)) {
    run = ProgramRun::start(
        loop, {"sh", "-c", script}, patience,
        [this](const ProgramRun::Ended& told) {
          ended = told;
          run.reset();  // as the owner does
          loop.stop();
        },
        error);
    REQUIRE(run != nullptr);
  }
  const ProgramRun::Ended& end() {
    loop.run();
    REQUIRE(ended);
    return *ended;
  }

  UvLoop loop;
  std::string error;
  std::optional<ProgramRun::Ended> ended;
  std::unique_ptr<ProgramRun> run;
};

}  // namespace

TEST_CASE("a program's output and complaints are told when it has ended", "[program]") {
  Running running("echo secret; echo expires-in 5; echo careful >/dev/stderr; cat");
  const auto& ended = running.end();
  CHECK(ended.error.empty());
  CHECK(ended.output == "secret\nexpires-in 5\n");
  CHECK(ended.complaints == "careful\n");
}

TEST_CASE("a program that fails says how", "[program]") {
  CHECK(Running("exit 3").end().error == "it ended with code 3");
  CHECK(Running("kill -TERM $$").end().error == "it was ended by signal 15");
}

TEST_CASE("a program that does not end in time is killed, with what it has started", "[program]") {
  const test::TemporaryFolder folder;
  const std::string pidFile = folder.file("pid");
  Running running("sleep 1000 & echo $! > " + pidFile + "; wait", Millis(300));
  CHECK(running.end().error == "it did not end in time");
  std::ifstream file(pidFile);
  int pid = 0;
  file >> pid;
  REQUIRE(pid > 0);
  // Whoever adopts it needs a moment to take note.
  for (int i = 0; i < 1000 && ::kill(pid, 0) == 0; ++i) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    status >> number >> name >> state;
    if (state == "Z" || state.empty()) break;
    ::usleep(10'000);
    REQUIRE(i < 999);
  }
}

TEST_CASE("a program that prints without end is killed", "[program]") {
  CHECK(Running("while :; do echo 0123456789012345678901234567890123456789; done").end().error ==
        "it printed more than 64 KiB");
}

TEST_CASE("what a program has started does not keep it from ending", "[program]") {
  Running running("sleep 5 & echo secret");
  const auto& ended = running.end();
  CHECK(ended.error.empty());
  CHECK(ended.output == "secret\n");
}

TEST_CASE("a program that nobody wants any more is ended, and nothing is left of it", "[program]") {
  int pid = 0;
  {
    Running running("sleep 1000");
    pid = running.run->pid();
    CHECK(::kill(pid, 0) == 0);
    running.run.reset();
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("a program that cannot be started is an error at once", "[program]") {
  UvLoop loop;
  std::string error;
  CHECK(ProgramRun::start(
            loop, {"/no/such/program"}, Millis(1000), [](const auto&) {}, error) == nullptr);
  CHECK(error == "no such file or directory");
}

}  // namespace slotless::net
