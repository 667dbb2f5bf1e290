// A file is read again when it changes, whichever way.
#include "proxy/net/file_watch.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "catch.h"
#include "proxy/net/uv_loop.h"
#include "temporary_folder.h"

namespace slotless::net {
namespace {

struct Watching {
  explicit Watching(const std::string& path)
      : watch(
            loop, path,
            [this](const FileContent& content) {
              told.push_back(content.text ? *content.text : "error: " + content.error);
              loop.stop();
            },
            Millis(5)) {}
  const std::string& next() {
    loop.run();
    return told.back();
  }

  UvLoop loop;
  std::vector<std::string> told;
  FileWatch watch;
};

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("a file is told at first, and when it is written to or replaced", "[file watch]") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("password");
  write(path, "one");
  Watching watching(path);
  CHECK(watching.next() == "one");
  write(folder.file("new"), "two");
  std::filesystem::rename(folder.file("new"), path);
  CHECK(watching.next() == "two");
  std::ofstream(path, std::ios::app) << " and more";
  CHECK(watching.next() == "two and more");
  CHECK(watching.told.size() == 3);
}

TEST_CASE("a file is told when a link in its path is exchanged, as Kubernetes does", "[file watch]") {
  const test::TemporaryFolder folder;
  for (const char* each : {"1", "2"}) {
    std::filesystem::create_directory(folder.path / each);
    write((folder.path / each / "password").string(), each);
  }
  std::filesystem::create_directory_symlink("1", folder.path / "..data");
  std::filesystem::create_symlink("..data/password", folder.path / "password");
  Watching watching(folder.file("password"));
  CHECK(watching.next() == "1");
  std::filesystem::create_directory_symlink("2", folder.path / "..data_tmp");
  std::filesystem::rename(folder.path / "..data_tmp", folder.path / "..data");
  CHECK(watching.next() == "2");
}

TEST_CASE("a file that cannot be read is told once, and then when it can", "[file watch]") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("password");
  Watching watching(path);
  CHECK(watching.next() == "error: No such file or directory");
  const auto timer = watching.loop.makeTimer([&] { watching.loop.stop(); });
  timer->start(Millis(50));
  watching.loop.run();
  CHECK(watching.told.size() == 1);
  write(folder.file("new"), "one");
  std::filesystem::rename(folder.file("new"), path);
  CHECK(watching.next() == "one");
  write(folder.file("new"), std::string(FileWatch::kLongest + 1, 'x'));
  std::filesystem::rename(folder.file("new"), path);
  CHECK(watching.next() == "error: the file is larger than 64 KiB");
  std::filesystem::create_directory(folder.path / "folder");
  Watching folderWatch(folder.file("folder"));
  CHECK(folderWatch.next() == "error: Is a directory");
}

TEST_CASE("a watch that is gone tells nobody", "[file watch]") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("password");
  write(path, "one");
  UvLoop loop;
  bool told = false;
  {
    const FileWatch watch(
        loop, path, [&](const FileContent&) { told = true; }, Millis(1));
  }
  const auto timer = loop.makeTimer([&] { loop.stop(); });
  timer->start(Millis(20));
  loop.run();
  CHECK_FALSE(told);
}

}  // namespace slotless::net
