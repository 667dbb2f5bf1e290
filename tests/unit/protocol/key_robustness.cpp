// Key extraction must be safe for any arguments and for any specification that a server may report.
#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "catch.h"
#include "protocol/command_table.h"
#include "protocol/key_extraction.h"

namespace slotless::protocol {
namespace {

bool ascendingWithin(const std::vector<std::uint32_t>& positions, std::size_t argc) {
  return std::is_sorted(positions.begin(), positions.end(), std::less_equal<>{}) &&
         std::all_of(positions.begin(), positions.end(),
                     [argc](std::uint32_t p) { return p > 0 && p < argc; });
}

const std::vector<std::string_view> kWords = {
    "",        "0",  "1",   "2",     "7",     "-1",        "9223372036854775807",    "k", "keys", "STORE",
    "STREAMS", "by", "get", "limit", "auth2", "STOREDIST", "99999999999999999999999"};

TEST_CASE("no arguments make key extraction leave them", "[keys]") {
  std::mt19937 random(20240229);  // fixed: a failure must come again
  std::vector<std::uint32_t> positions;
  const auto check = [&](const CommandSpec& spec) {
    for (std::size_t argc = 0; argc < 14; ++argc) {
      // Exactly sized, so that AddressSanitizer sees a read behind the last argument.
      std::vector<std::string_view> argv(argc);
      for (int round = 0; round < 8; ++round) {
        for (std::string_view& word : argv) word = kWords[random() % kWords.size()];
        const KeyResult result = keyPositions(spec, argv, positions);
        INFO(spec.name << " with " << argc << " arguments");
        REQUIRE(ascendingWithin(positions, argc));
        if (result == KeyResult::Invalid) REQUIRE(positions.empty());
        if (spec.singleKey != 0 && spec.arityFits(argc)) {
          REQUIRE(positions == std::vector<std::uint32_t>{static_cast<std::uint32_t>(spec.singleKey)});
        }
        hasSessionKeyword(spec, argv);
      }
    }
  };
  for (const CommandSpec& command : CommandTable::builtIn()->commands()) {
    check(command);
    for (const CommandSpec& subcommand : command.subcommands) check(subcommand);
  }
}

TEST_CASE("no specification makes key extraction leave the arguments", "[keys]") {
  std::mt19937 random(7);
  constexpr int kNumbers[] = {-2147483647 - 1, -3, -2, -1, 0, 1, 2, 3, 100, 2147483647};
  const auto number = [&] { return kNumbers[random() % std::size(kNumbers)]; };
  std::vector<std::uint32_t> positions;
  for (int round = 0; round < 50'000; ++round) {
    CommandSpec spec;
    spec.firstKey = number();
    spec.lastKey = number();
    spec.keyStep = number();
    for (std::size_t i = random() % 3; i > 0; --i) {
      KeySpec& key = spec.keySpecs.emplace_back();
      key.begin = static_cast<KeySpec::Begin>(random() % 3);
      key.find = static_cast<KeySpec::Find>(random() % 3);
      key.keyword = "k";
      for (int* field : {&key.index, &key.startFrom, &key.lastKey, &key.keyStep, &key.limit, &key.keyNumIndex,
                         &key.firstKey}) {
        *field = number();
      }
    }
    std::vector<std::string_view> argv(random() % 8);
    for (std::string_view& word : argv) word = kWords[random() % kWords.size()];
    keyPositions(spec, argv, positions);
    REQUIRE(ascendingWithin(positions, argv.size()));
  }
}

TEST_CASE("a keyword is also found from the end backwards", "[keys]") {
  CommandSpec spec;
  KeySpec& key = spec.keySpecs.emplace_back();
  key.begin = KeySpec::Begin::Keyword;
  key.keyword = "KEYS";
  key.startFrom = -2;
  key.find = KeySpec::Find::Range;
  key.lastKey = -1;
  key.keyStep = 1;
  std::vector<std::uint32_t> positions;
  const std::vector<std::string_view> argv = {"m", "keys", "x", "keys", "a", "b"};
  CHECK(keyPositions(spec, argv, positions) == KeyResult::Ok);
  CHECK(positions == std::vector<std::uint32_t>{4, 5});
}

TEST_CASE("without specifications the range counts, as for servers before 7.0", "[keys]") {
  CommandSpec spec;
  spec.firstKey = 1;
  spec.lastKey = -1;
  spec.keyStep = 2;
  std::vector<std::uint32_t> positions;
  const std::vector<std::string_view> argv = {"mset", "a", "1", "b", "2"};
  CHECK(keyPositions(spec, argv, positions) == KeyResult::Ok);
  CHECK(positions == std::vector<std::uint32_t>{1, 3});
}

TEST_CASE("specifications that overlap or stand in reverse give each position once, ascending", "[keys]") {
  CommandSpec spec;
  for (const int index : {3, 1, 3}) {
    KeySpec& key = spec.keySpecs.emplace_back();
    key.begin = KeySpec::Begin::Index;
    key.index = index;
    key.find = KeySpec::Find::Range;
    key.keyStep = 1;
  }
  std::vector<std::uint32_t> positions;
  const std::vector<std::string_view> argv = {"c", "a", "b", "c"};
  CHECK(keyPositions(spec, argv, positions) == KeyResult::Ok);
  CHECK(positions == std::vector<std::uint32_t>{1, 3});
}

}  // namespace
}  // namespace slotless::protocol
