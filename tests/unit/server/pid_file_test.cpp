#include "proxy/server/pid_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include "catch.h"

using slotless::server::PidFile;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pid-file-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file() const { return path_ / "slotless.pid"; }
  std::string text() const {
    std::ifstream file(this->file());
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::filesystem::path path_;
};

const std::string kOwn = std::to_string(::getpid()) + "\n";

}  // namespace

TEST_CASE("a pid file tells the process and goes with it") {
  const Folder folder;
  {
    PidFile pidFile;
    CHECK(pidFile.write(folder.file()).empty());
    CHECK(folder.text() == kOwn);
  }
  CHECK_FALSE(std::filesystem::exists(folder.file()));
}

TEST_CASE("a pid file that tells another process stays") {
  const Folder folder;
  {
    PidFile pidFile;
    CHECK(pidFile.write(folder.file()).empty());
    std::ofstream(folder.file()) << "1\n";
  }
  CHECK(folder.text() == "1\n");
}

TEST_CASE("a pid file that was left to a successor stays, whether it has written it yet or not") {
  const Folder folder;
  {
    PidFile pidFile;
    CHECK(pidFile.write(folder.file()).empty());
    pidFile.leave();
  }
  CHECK(folder.text() == kOwn);
}

TEST_CASE("a pid file that cannot be written says why") {
  const Folder folder;
  PidFile pidFile;
  CHECK(pidFile.write(folder.file() + "/none") == "No such file or directory");
}
