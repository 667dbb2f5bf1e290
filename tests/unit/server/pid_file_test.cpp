#include "proxy/server/pid_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "catch.h"
#include "temporary_folder.h"

using slotless::server::PidFile;

namespace {

struct Scene {
  std::string text() const {
    std::ifstream opened(file);
    return {std::istreambuf_iterator<char>(opened), {}};
  }
  const slotless::test::TemporaryFolder folder;
  const std::string file = folder.file("slotless.pid");
};

const std::string kOwn = std::to_string(::getpid()) + "\n";

}  // namespace

TEST_CASE("a pid file tells the process and goes with it") {
  const Scene scene;
  {
    PidFile pidFile;
    CHECK(pidFile.write(scene.file).empty());
    CHECK(scene.text() == kOwn);
  }
  CHECK_FALSE(std::filesystem::exists(scene.file));
}

TEST_CASE("a pid file that tells another process stays") {
  const Scene scene;
  {
    PidFile pidFile;
    CHECK(pidFile.write(scene.file).empty());
    std::ofstream(scene.file) << "1\n";
  }
  CHECK(scene.text() == "1\n");
}

TEST_CASE("a pid file that was left to a successor stays, whether it has written it yet or not") {
  const Scene scene;
  {
    PidFile pidFile;
    CHECK(pidFile.write(scene.file).empty());
    pidFile.leave();
  }
  CHECK(scene.text() == kOwn);
}

TEST_CASE("a pid file that cannot be written says why") {
  const Scene scene;
  PidFile pidFile;
  CHECK(pidFile.write(scene.file + "/none") == "No such file or directory");
}
