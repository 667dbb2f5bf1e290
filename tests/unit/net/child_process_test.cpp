// Processes that are started: their descriptors, their end, and programs that there are not.
#include "proxy/net/child_process.h"

#include <unistd.h>

#include <csignal>
#include <optional>

#include "catch.h"
#include "proxy/net/uv_loop.h"

namespace slotless::net {
namespace {

struct Ending {
  std::int64_t code;
  int signal;
};

class Started {
 public:
  explicit Started(const ChildProcess::Program& program) {
    child = ChildProcess::start(
        loop, program,
        [this](std::int64_t code, int signal) {
          end = {code, signal};
          loop.stop();
        },
        error);
  }

  UvLoop loop;
  std::string error;
  std::optional<Ending> end;
  std::unique_ptr<ChildProcess> child;
};

}  // namespace

TEST_CASE("a child has the descriptors that it is given from 3 on, and the environment", "[child]") {
  int pipeEnds[2] = {};
  REQUIRE(::pipe(pipeEnds) == 0);
  Started started({{"sh", "-c", "echo \"$GREETING $0\" >&3; exit 7", "you"},
                   {"GREETING=hello", "PATH=/usr/bin:/bin"},
                   {pipeEnds[1]}});
  INFO(started.error);
  REQUIRE(started.child);
  ::close(pipeEnds[1]);
  started.loop.run();
  REQUIRE(started.end);
  CHECK(started.end->code == 7);
  CHECK(started.end->signal == 0);
  char text[32] = {};
  CHECK(::read(pipeEnds[0], text, sizeof(text) - 1) == 10);
  CHECK(std::string(text) == "hello you\n");
  ::close(pipeEnds[0]);
}

TEST_CASE("a child can be signalled", "[child]") {
  Started started({{"/bin/sleep", "100"}, {}, {}});
  REQUIRE(started.child);
  CHECK(started.child->pid() > 0);
  started.child->signal(SIGKILL);
  started.loop.run();
  REQUIRE(started.end);
  CHECK(started.end->signal == SIGKILL);
}

TEST_CASE("a child that is killed leaves nothing", "[child]") {
  int pid = 0;
  {
    Started started({{"/bin/sleep", "100"}, {}, {}});
    REQUIRE(started.child);
    pid = started.child->pid();
    ChildProcess::kill(std::move(started.child));
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("a program that there is not is an error at once", "[child]") {
  const Started started({{"/nowhere/nothing"}, {}, {}});
  CHECK(started.child == nullptr);
  CHECK(started.error == "no such file or directory");
}

}  // namespace slotless::net
