// A folder of a test's own, removed with all that is in it.
#pragma once
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "catch.h"

namespace slotless::test {

struct TemporaryFolder {
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "slotless-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const char* name) const { return (path / name).string(); }

  std::filesystem::path path;
};

}  // namespace slotless::test
