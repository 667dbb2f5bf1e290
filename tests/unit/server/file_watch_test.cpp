// When files have changed: written, replaced, and behind a link that is turned.
#include "proxy/server/file_watch.h"

#include <filesystem>
#include <fstream>

#include "catch.h"
#include "temporary_folder.h"

namespace slotless::server {

namespace {

class Files {
 public:
  void write(const std::string& name, const std::string& text) { std::ofstream(folder.path / name) << text; }
  // So many looks until it tells of a change; 0: it does not.
  int looksUntilTold() {
    for (int looks = 1; looks < 5; ++looks) {
      if (watch.look()) return looks;
    }
    return 0;
  }

  test::TemporaryFolder folder;
  FileWatch watch;
};

}  // namespace

TEST_CASE_METHOD(Files, "a file that is written or replaced has changed, once, when it has come to rest") {
  write("a", "one");
  watch.begin({folder.file("a"), ""});
  CHECK(looksUntilTold() == 0);
  write("a", "three");
  CHECK(looksUntilTold() == 2);
  CHECK(looksUntilTold() == 0);
  write("b", "three");
  std::filesystem::rename(folder.file("b"), folder.file("a"));
  CHECK(looksUntilTold() == 2);
}

TEST_CASE_METHOD(Files, "while files go on changing they are not read") {
  write("a", "1");
  write("b", "1");
  watch.begin({folder.file("a"), folder.file("b")});
  write("a", "22");
  CHECK_FALSE(watch.look());
  write("b", "22");
  CHECK_FALSE(watch.look());
  CHECK(watch.look());
}

TEST_CASE_METHOD(Files, "a file that goes and comes back has changed twice") {
  write("a", "1");
  watch.begin({folder.file("a")});
  std::filesystem::remove(folder.file("a"));
  CHECK(looksUntilTold() == 2);
  write("a", "1");
  CHECK(looksUntilTold() == 2);
}

TEST_CASE_METHOD(Files, "a folder behind a link, as Kubernetes turns it") {
  namespace fs = std::filesystem;
  for (const char* version : {"v1", "v2"}) {
    fs::create_directory(folder.file(version));
    write(std::string(version) + "/tls.crt", "same");
  }
  fs::create_symlink("v1", folder.file("..data"));
  fs::create_symlink("..data/tls.crt", folder.file("tls.crt"));
  watch.begin({folder.file("tls.crt")});
  fs::create_symlink("v2", folder.file("fresh"));
  fs::rename(folder.file("fresh"), folder.file("..data"));
  CHECK(looksUntilTold() == 2);
}

}  // namespace slotless::server
