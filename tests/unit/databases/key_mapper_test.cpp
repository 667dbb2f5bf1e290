#include "proxy/databases/key_mapper.h"

#include "catch.h"
#include "protocol/command_table.h"
#include "protocol/encoder.h"

using namespace slotless;

namespace {

std::vector<std::string_view> wordsOf(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string mapped(std::string_view text) {
  databases::Database database;
  database.prefix = "~1{t}";
  const auto words = wordsOf(text);
  const auto table = protocol::CommandTable::builtIn();
  databases::KeyMapper mapper;
  const auto* spec = table->find(protocol::Argv(words));
  databases::KeyMapper whole;
  whole.write(words);
  if (!mapper.map(*spec, whole.argv(), whole.bytes(), database)) return std::string(text);
  std::string joined;
  for (const std::string_view word : mapper.argv()) joined.append(joined.empty() ? "" : " ").append(word);
  std::string bytes;
  protocol::appendRequest(bytes, mapper.argv());
  CHECK(mapper.bytes() == bytes);
  return joined;
}

}  // namespace

TEST_CASE("keys get the prefix wherever the command's specification says that they stand") {
  struct Row {
    std::string_view sent;
    std::string_view expected;
  };
  const Row rows[] = {
      {"GET a", "GET ~1{t}a"},
      {"MSET a b c d", "MSET ~1{t}a b ~1{t}c d"},
      {"BLPOP a b 0", "BLPOP ~1{t}a ~1{t}b 0"},
      {"BLMPOP 0 2 a b LEFT", "BLMPOP 0 2 ~1{t}a ~1{t}b LEFT"},
      {"ZUNIONSTORE a 2 b c WEIGHTS 1 2", "ZUNIONSTORE ~1{t}a 2 ~1{t}b ~1{t}c WEIGHTS 1 2"},
      {"EVAL s 2 a b c", "EVAL s 2 ~1{t}a ~1{t}b c"},
      {"XREAD COUNT 1 STREAMS a b 0 0", "XREAD COUNT 1 STREAMS ~1{t}a ~1{t}b 0 0"},
      {"XGROUP CREATE a g $", "XGROUP CREATE ~1{t}a g $"},
      {"OBJECT ENCODING a", "OBJECT ENCODING ~1{t}a"},
      {"MEMORY USAGE a", "MEMORY USAGE ~1{t}a"},
      {"GEORADIUS a 1 2 3 m STORE b", "GEORADIUS ~1{t}a 1 2 3 m STORE ~1{t}b"},
      {"GEOSEARCHSTORE a b FROMMEMBER x BYRADIUS 1 m",
       "GEOSEARCHSTORE ~1{t}a ~1{t}b FROMMEMBER x BYRADIUS 1 m"},
      {"SORT a BY w_* GET # GET v_*->f STORE b",
       "SORT ~1{t}a BY ~1{t}w_* GET # GET ~1{t}v_*->f STORE ~1{t}b"},
      {"SORT a BY nosort LIMIT 0 get", "SORT ~1{t}a BY nosort LIMIT 0 get"},
      {"SORT_RO a BY w_*", "SORT_RO ~1{t}a BY ~1{t}w_*"},
      {"DEBUG OBJECT a", "DEBUG OBJECT ~1{t}a"},
      {"BITOP AND a b c", "BITOP AND ~1{t}a ~1{t}b ~1{t}c"},
      {"PFCOUNT a b", "PFCOUNT ~1{t}a ~1{t}b"},
      {"LCS a b IDX", "LCS ~1{t}a ~1{t}b IDX"},
      {"SPUBLISH a b", "SPUBLISH a b"},  // a channel, not a key
      {"PUBLISH a b", "PUBLISH a b"},
      {"PING a", "PING a"},
      {"EVAL s 0 a", "EVAL s 0 a"},
      {"EVAL s 5 a", "EVAL s 5 a"},  // contradicts itself: a node says how
  };
  for (const Row& row : rows) {
    INFO(row.sent);
    CHECK(mapped(row.sent) == row.expected);
  }
}

// Whatever the command: the positions that the specification gives, and no other argument.
TEST_CASE("no command with one key is forgotten") {
  const auto table = protocol::CommandTable::builtIn();
  databases::Database database;
  database.prefix = "~";
  std::size_t seen = 0;
  const auto check = [&](const protocol::CommandSpec& spec) {
    if (spec.singleKey == 0 || spec.namesKeysByPattern) return;
    const auto count = static_cast<std::size_t>(std::max(std::abs(spec.arity), spec.singleKey + 1));
    databases::KeyMapper whole;
    whole.write(std::vector<std::string_view>(count, "x"));
    databases::KeyMapper mapper;
    INFO(spec.name);
    const bool isChannel =
        !spec.keySpecs.empty() && (spec.keySpecs.front().flags & protocol::kKeyNotKey) != 0;
    REQUIRE(mapper.map(spec, whole.argv(), whole.bytes(), database) == !isChannel);
    if (isChannel) return;
    for (std::size_t i = 0; i < count; ++i)
      CHECK(mapper.argv()[i] == (i == static_cast<std::size_t>(spec.singleKey) ? "~x" : "x"));
    ++seen;
  };
  for (const protocol::CommandSpec& spec : table->commands()) {
    check(spec);
    for (const protocol::CommandSpec& subcommand : spec.subcommands) check(subcommand);
  }
  CHECK(seen > 100);
}
