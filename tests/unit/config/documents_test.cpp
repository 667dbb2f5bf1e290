// Names of files in the documents: who renames a file is told which page names it.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/process_inputs.h"
#include "loading.h"

using namespace slotless::config;

namespace {

const std::filesystem::path kRoot = std::filesystem::path(SLOTLESS_DOCS).parent_path();

std::string textOf(const std::filesystem::path& path) {
  const auto file = readFile(path.string());
  INFO(path.string());
  REQUIRE(file.text);
  return *file.text;
}

// What stands between backticks in one paragraph.
void addQuoted(const std::string& paragraph, std::vector<std::string>& found) {
  for (std::size_t open = paragraph.find('`'); open != std::string::npos;) {
    const std::size_t close = paragraph.find('`', open + 1);
    if (close == std::string::npos) return;
    found.push_back(paragraph.substr(open + 1, close - open - 1));
    open = paragraph.find('`', close + 1);
  }
}

std::vector<std::string> quoted(const std::string& text) {
  std::vector<std::string> found;
  std::string paragraph;
  bool fenced = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool fence = line.starts_with("```");
    if (fence) fenced = !fenced;
    if (!fence && !fenced) paragraph += line + ' ';
    if (!line.empty() && !line.starts_with('|') && !fence) continue;
    addQuoted(paragraph, found);
    paragraph.clear();
  }
  addQuoted(paragraph, found);
  return found;
}

bool isPath(std::string_view word) {
  constexpr std::string_view kFolders[] = {"cmake/", "config/",   "deploy/",  "docs/",
                                           "proxy/", "protocol/", "scripts/", "tests/"};
  return word.find_first_of("{*<") == std::string_view::npos &&
         std::any_of(std::begin(kFolders), std::end(kFolders),
                     [&](std::string_view folder) { return word.starts_with(folder); });
}

// Of `scripts/bench --frozen`: scripts/bench.
std::vector<std::string> pathsIn(const std::string& text) {
  std::vector<std::string> paths;
  for (const std::string& each : quoted(text)) {
    const std::string word = each.substr(0, each.find(' '));
    if (isPath(word)) paths.push_back(word);
  }
  return paths;
}

std::vector<std::filesystem::path> documents() {
  std::vector<std::filesystem::path> found{kRoot / "README.md"};
  for (const auto& entry : std::filesystem::directory_iterator(SLOTLESS_DOCS)) {
    if (entry.path().extension() == ".md") found.push_back(entry.path());
  }
  return found;
}

// The cells of each line of the table that begins with this one.
std::vector<std::vector<std::string>> rowsBelow(const std::string& text, const std::string& header) {
  std::vector<std::vector<std::string>> rows;
  std::size_t line = text.find(header);
  REQUIRE(line != std::string::npos);
  for (line = text.find('\n', line) + 1; text[line] == '|'; line = text.find('\n', line) + 1) {
    std::vector<std::string>& cells = rows.emplace_back();
    const std::size_t end = text.find('\n', line);
    for (std::size_t at = line + 1; at < end; at = text.find('|', at) + 1)
      cells.push_back(text.substr(at, text.find('|', at) - at));
  }
  return rows;
}

}  // namespace

TEST_CASE("every file that a document names exists") {
  for (const auto& document : documents()) {
    for (const std::string& path : pathsIn(textOf(document))) {
      INFO(document.filename().string() << " names " << path);
      CHECK(std::filesystem::exists(kRoot / path));
    }
  }
  CHECK(pathsIn(textOf(kRoot / "docs/architecture.md")).size() > 100);
}

TEST_CASE("docs/architecture.md has every room, and what it stands on is what its CMakeLists.txt says") {
  std::vector<std::string> rooms;
  for (const auto& row : rowsBelow(textOf(kRoot / "docs/architecture.md"), "| room | what it holds")) {
    const auto names = quoted(row.front());
    if (names.empty()) continue;  // the line below the header
    REQUIRE(row.size() == 3);
    const std::string& room = rooms.emplace_back(names.front());
    INFO(room);
    const std::string list = textOf(kRoot / room / "CMakeLists.txt");
    std::string others = row.back();
    std::replace(others.begin(), others.end(), ',', ' ');
    for (std::size_t at = others.find_first_not_of(' '); at < others.size();) {
      const std::size_t end = std::min(others.find(' ', at), others.size());
      const std::string other = others.substr(at, end - at);
      INFO("stands on " << other);
      CHECK(contains(list, " slotless_" + other));
      at = others.find_first_not_of(' ', end);
    }
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot / "proxy")) {
    if (entry.path().filename() != "CMakeLists.txt" || entry.path().parent_path() == kRoot / "proxy")
      continue;
    const std::string room = entry.path().parent_path().lexically_relative(kRoot).string();
    INFO(room);
    CHECK(std::find(rooms.begin(), rooms.end(), room) != rooms.end());
  }
}
