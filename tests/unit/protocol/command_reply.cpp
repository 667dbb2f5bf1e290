// COMMAND INFO as Redis 7.0.15 words it.
#include "protocol/command_reply.h"

#include <hiredis/hiredis.h>

#include <memory>
#include <string>

#include "catch.h"
#include "protocol/command_table.h"

namespace slotless::protocol {
namespace {

std::string infoOf(std::string_view name, int protocol = 2) {
  std::string out;
  appendCommandInfo(out, *CommandTable::builtIn()->find(name), protocol);
  return out;
}

TEST_CASE("a plain command is described as Redis does", "[command]") {
  CHECK(infoOf("get") ==
        "*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
        "*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
        "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n"
        "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n"
        "$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n");
}

TEST_CASE("in RESP3 there are sets and maps, and subcommands stay an array unless there are none",
          "[command]") {
  CHECK(infoOf("get", 3) ==
        "*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
        "~3\r\n+@read\r\n+@string\r\n+@fast\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n"
        "$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n"
        "$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n"
        "$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n~0\r\n");
  std::string array;
  appendCommandInfo(array, *CommandTable::builtIn()->find("get"), 3, WithoutSubcommands::EmptyArray);
  CHECK(array.ends_with(":0\r\n*0\r\n"));
  CHECK(infoOf("xinfo", 3).find("*4\r\n*10\r\n$15\r\nxinfo|consumers\r\n:4\r\n~") != std::string::npos);
}

TEST_CASE("keywords, tips and subcommands are described as Redis does", "[command]") {
  CHECK(infoOf("xread") ==
        "*10\r\n$5\r\nxread\r\n:-4\r\n*3\r\n+readonly\r\n+blocking\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n"
        "*4\r\n+@read\r\n+@stream\r\n+@slow\r\n+@blocking\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+"
        "access\r\n"
        "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$7\r\nkeyword\r\n$4\r\nspec\r\n*4\r\n$7\r\nkeyword\r\n"
        "$7\r\nSTREAMS\r\n$9\r\nstartfrom\r\n:1\r\n"
        "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:-1\r\n"
        "$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:2\r\n*0\r\n");
  CHECK(infoOf("xinfo").find("*4\r\n*10\r\n$15\r\nxinfo|consumers\r\n:4\r\n") != std::string::npos);
  CHECK(infoOf("dbsize").find(
            "*2\r\n$25\r\nrequest_policy:all_shards\r\n$23\r\nresponse_policy:agg_sum\r\n*0\r\n*0\r\n") !=
        std::string::npos);
  CHECK(infoOf("eval").find("*8\r\n$5\r\nnotes\r\n$78\r\nWe cannot tell") != std::string::npos);
  CHECK(infoOf("sort").find("$4\r\ntype\r\n$7\r\nunknown\r\n$4\r\nspec\r\n*0\r\n") != std::string::npos);
}

TEST_CASE("hiredis reads every description as one array of ten", "[command]") {
  for (const CommandSpec& spec : CommandTable::builtIn()->commands()) {
    INFO(spec.name);
    const std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader(redisReaderCreate(),
                                                                          redisReaderFree);
    const std::string bytes = infoOf(spec.name);
    void* raw = nullptr;
    REQUIRE(redisReaderFeed(reader.get(), bytes.data(), bytes.size()) == REDIS_OK);
    REQUIRE(redisReaderGetReply(reader.get(), &raw) == REDIS_OK);
    REQUIRE(raw != nullptr);
    const std::unique_ptr<void, decltype(&freeReplyObject)> owner(raw, freeReplyObject);
    const auto* reply = static_cast<const redisReply*>(raw);
    REQUIRE(reply->type == REDIS_REPLY_ARRAY);
    REQUIRE(reply->elements == 10);
    CHECK(reply->element[0]->str == spec.name);
    CHECK(reply->element[1]->integer == spec.arity);
    CHECK(reply->element[2]->elements == spec.flagNames.size());
    CHECK(reply->element[8]->elements == spec.keySpecs.size());
    CHECK(reply->element[9]->elements == spec.subcommands.size());
    CHECK(reader->pos == reader->len);  // nothing behind it
  }
}

}  // namespace
}  // namespace slotless::protocol
