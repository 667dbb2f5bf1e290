// Files that have kept a parser busy for ever, or crashed one, or look as if they might: each of them is read
// to its end and is one clear error, or none. New ones come from mutating files that are right.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/yaml_file.h"
#include "loading.h"

using namespace slotless::config;

TEST_CASE(
    "No file of the corpus keeps the parser busy, and what is wrong with it is one error with its line") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SLOTLESS_CORPUS)) {
    ++files;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    INFO(entry.path());
    const auto begin = std::chrono::steady_clock::now();
    const YamlSettings read = readYaml("file", text);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
    if (!read.isReadable) {
      REQUIRE(read.settings.errors.size() == 1);
      CHECK(read.settings.errors.front().source.starts_with("file:"));
      CHECK(read.settings.settings.empty());
    }
  }
  CHECK(files >= 30);
}

TEST_CASE("A file that begins with a comma is not valid YAML") {
  for (const auto* text : {",", ",,\n", "# comment\n,workers: 3\n"}) {
    INFO(text);
    const auto errors = withFile(text).errors();
    REQUIRE(errors.size() == 1);
    CHECK(errors.front().find("not valid YAML") != std::string::npos);
  }
}

TEST_CASE("A file that the parser has been tried on in vain is not parsed") {
  Loading loading = withFile("workers: x\n");
  std::string tried;
  loading.tryParser = [&](const std::string& text) -> std::optional<std::string> {
    tried = text;
    return "not valid YAML: the parser does not come to an end";
  };
  const auto errors = loading.errors();
  CHECK(tried == "workers: x\n");
  REQUIRE(errors.size() == 1);
  CHECK(errors.front().find("the parser does not come to an end") != std::string::npos);
}
