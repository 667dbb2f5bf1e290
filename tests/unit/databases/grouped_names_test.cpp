// What keys of a grouped database are called in the cluster, and how they get their names back.
#include "catch.h"
#include "protocol/command_table.h"
#include "protocol/slot_tags.h"
#include "proxy/databases/database.h"
#include "proxy/databases/key_mapper.h"
#include "proxy/databases/reply_names.h"

using namespace slotless;
using config::DatabaseLayout;
using databases::Database;

namespace {

struct Fixture {
  config::Config config = [] {
    config::Config made;
    made.databases = 13000;
    made.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                           {2, 2, DatabaseLayout::Grouped, "", "bull:*:"},
                           {12, 12, DatabaseLayout::Grouped, "", "bull:*:"},
                           {12345, 12345, DatabaseLayout::Grouped, "", "*/"}};
    return made;
  }();
  databases::Databases all{config};
  const Database& two = all.at(2);

  static std::string tagOf(std::string_view group) {
    return std::string(protocol::SlotTags::get().of(
        static_cast<protocol::Slot>(protocol::crc16(group) % protocol::kSlotCount)));
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a key of a grouped database is called by the tag of its group's slot, and back") {
  CHECK(two.physicalName("bull:mail:wait") == "~2{" + tagOf("mail") + "}bull:mail:wait");
  CHECK(all.at(12345).physicalName("x/y") == "~12345{" + tagOf("x") + "}x/y");
  for (const std::string_view key :
       {"bull:mail:wait", "bull:mail:", "", "a", "{t}a", "~2{abc}x", "}", "bull::{x}"}) {
    INFO(key);
    const std::string name = two.physicalName(key);
    CHECK(two.owns(name));
    CHECK(two.logicalName(name) == key);
    CHECK(protocol::slotOf(name) == two.slotOf(key));
    CHECK(all.ownerOf(name) == &two);
    Database::PrefixRoom room;
    CHECK(std::string(two.prefixAt(two.slotOf(key), room)) + std::string(key) == name);
  }
}

TEST_CASE_METHOD(Fixture, "names of other shapes are not a grouped database's") {
  for (const std::string_view name : {"", "~", "~2", "~2{", "~2{abc", "~2{abcd}x", "~2{ab}x", "~2:x",
                                      "~12{abc}x", "~1{a}x", "x", "~{abc}"}) {
    INFO(name);
    CHECK_FALSE(two.owns(name));
    CHECK(all.ownerOf(name) != &two);
  }
  CHECK(all.ownerOf("~12{abc}x") == &all.at(12));
}

TEST_CASE_METHOD(Fixture, "a pattern of a grouped database's keys is one in the cluster") {
  CHECK(two.physicalPattern("bull:*") == "~2{???}bull:*");
}

TEST_CASE_METHOD(Fixture, "errors name keys of a grouped database as it does, wherever they stand") {
  const std::string one = two.physicalName("bull:mail:x");
  const std::string other = two.physicalName("bull:sms:y");
  CHECK(databases::withoutPrefix("-ERR '" + one + "' and " + other + " but ~2{abcd}z ~2{", two) ==
        "-ERR 'bull:mail:x' and bull:sms:y but ~2{abcd}z ~2{");
  CHECK(databases::withoutPrefix(two.physicalName("~2{abc}x"), two) == "~2{abc}x");
}

TEST_CASE_METHOD(Fixture, "each key of a request gets the name of its own group") {
  const std::vector<std::string_view> words = {"MSET", "bull:mail:x", "1", "bull:sms:y", "2", "z", "3"};
  databases::KeyMapper whole;
  whole.write(words);
  databases::KeyMapper mapper;
  const auto table = protocol::CommandTable::builtIn();
  REQUIRE(mapper.map(*table->find(protocol::Argv(words)), whole.argv(), whole.bytes(), two));
  CHECK(mapper.argv()[1] == two.physicalName("bull:mail:x"));
  CHECK(mapper.argv()[3] == two.physicalName("bull:sms:y"));
  CHECK(mapper.argv()[5] == two.physicalName("z"));
  CHECK(mapper.argv()[6] == "3");
  const std::vector<std::string_view> get = {"GET", "bull:mail:x"};
  whole.write(get);
  CHECK(mapper.mapKey(whole.argv()[1], two.slotOf("bull:mail:x"), whole.bytes(), two) ==
        "*2\r\n$3\r\nGET\r\n$18\r\n~2{" + tagOf("mail") + "}bull:mail:x\r\n");
}
