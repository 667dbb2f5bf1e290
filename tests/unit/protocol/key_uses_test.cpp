// What commands do to each of their keys.
#include "protocol/key_uses.h"

#include "catch.h"
#include "protocol/command_table.h"

namespace slotless::protocol {
namespace {

// "1r 2w": positions, and whether the key is read, written, or only looked at.
std::string usesOf(std::initializer_list<std::string_view> words) {
  const std::vector<std::string_view> argv(words);
  std::vector<KeyUse> uses;
  if (keyUses(*CommandTable::builtIn()->find(Argv(argv)), argv, uses) != KeyResult::Ok) return "invalid";
  std::string text;
  for (const KeyUse& use : uses) {
    text += (text.empty() ? "" : " ") + std::to_string(use.position);
    if ((use.flags & kKeyAccess) != 0) text += 'r';
    if ((use.flags & (kKeyInsert | kKeyDelete | kKeyUpdate)) != 0) text += 'w';
  }
  return text;
}

}  // namespace

TEST_CASE("Keys are read or written as their specifications say") {
  CHECK(usesOf({"get", "a"}) == "1r");
  CHECK(usesOf({"del", "a", "b"}) == "1w 2w");
  CHECK(usesOf({"copy", "a", "b"}) == "1r 2w");
  CHECK(usesOf({"exists", "a"}) == "1");
  CHECK(usesOf({"zunionstore", "d", "2", "a", "b"}) == "1w 3r 4r");
  CHECK(usesOf({"eval", "x", "1", "a"}) == "3rw");
  CHECK(usesOf({"eval", "x", "3", "a"}) == "invalid");
  CHECK(usesOf({"ping"}).empty());
}

TEST_CASE("What depends on the arguments is decided by them") {
  CHECK(usesOf({"set", "a", "v"}) == "1w");
  CHECK(usesOf({"set", "a", "v", "EX", "5", "GET"}) == "1rw");
  CHECK(usesOf({"set", "a", "get"}) == "1w");
  CHECK(usesOf({"bitfield", "a", "GET", "u8", "0", "overflow", "wrap"}) == "1r");
  CHECK(usesOf({"bitfield", "a", "GET", "u8", "0", "SET", "u8", "0", "1"}) == "1rw");
  CHECK(usesOf({"bitfield", "a", "get", "u8"}) == "1rw");
  CHECK(usesOf({"sort", "a", "STORE", "b"}) == "1r 3w");
  CHECK(usesOf({"georadius", "a", "1", "2", "3", "m", "storedist", "b"}) == "1r 7w");
  CHECK(usesOf({"xread", "streams", "a", "b", "0", "0"}) == "2r 3r");
  CHECK(usesOf({"xreadgroup", "group", "g", "c", "streams", "a", ">"}) == "5r");
}

TEST_CASE("What is hashed without being a key is none") {
  CHECK(usesOf({"spublish", "c", "m"}).empty());
  CHECK(usesOf({"ssubscribe", "c"}).empty());
}

TEST_CASE("Commands say which of their arguments are channels") {
  const auto use = [](std::string_view name) { return CommandTable::builtIn()->find(name)->channelUse; };
  CHECK(use("publish") == ChannelUse::Publish);
  CHECK(use("psubscribe") == ChannelUse::SubscribePattern);
  CHECK(use("ssubscribe") == ChannelUse::Subscribe);
  CHECK(use("unsubscribe") == ChannelUse::None);
  CHECK(use("pubsub|numsub") == ChannelUse::Count);
  CHECK(use("pubsub|channels") == ChannelUse::None);
}

}  // namespace slotless::protocol
