// hiredis' reader as the oracle for the scanner: both must find the same replies in the same bytes.
#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "random_resp.h"
#include "scanned_stream.h"

using slotless::test::ScannedStream;
using slotless::test::scanSplitAt;

namespace {

struct FreeReader {
  void operator()(redisReader* reader) const { redisReaderFree(reader); }
};

// The reply types that a type byte stands for; nulls of RESP2 are REDIS_REPLY_NIL.
std::vector<int> hiredisTypes(char type) {
  switch (type) {
    case '+': return {REDIS_REPLY_STATUS};
    case '-': return {REDIS_REPLY_ERROR};
    case ':': return {REDIS_REPLY_INTEGER};
    case '$': return {REDIS_REPLY_STRING, REDIS_REPLY_NIL};
    case '*': return {REDIS_REPLY_ARRAY, REDIS_REPLY_NIL};
#if HIREDIS_MAJOR >= 1
    case '_': return {REDIS_REPLY_NIL};
    case '#': return {REDIS_REPLY_BOOL};
    case ',': return {REDIS_REPLY_DOUBLE};
    case '(': return {REDIS_REPLY_BIGNUM};
    case '=': return {REDIS_REPLY_VERB};
    case '%': return {REDIS_REPLY_MAP};
    case '~': return {REDIS_REPLY_SET};
    case '>': return {REDIS_REPLY_PUSH};
#endif
    default: return {};
  }
}

struct HiredisReply {
  std::size_t end;
  int type;
};

// Fed byte by byte, the reader gives each reply exactly at its last byte.
std::vector<HiredisReply> readByHiredis(std::string_view stream) {
  const std::unique_ptr<redisReader, FreeReader> reader(redisReaderCreate());
  std::vector<HiredisReply> replies;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    REQUIRE(redisReaderFeed(reader.get(), stream.data() + i, 1) == REDIS_OK);
    void* reply = nullptr;
    REQUIRE(redisReaderGetReply(reader.get(), &reply) == REDIS_OK);
    if (reply == nullptr) continue;
    replies.push_back({i + 1, static_cast<redisReply*>(reply)->type});
    freeReplyObject(reply);
  }
  return replies;
}

void checkAgainstHiredis(const std::string& stream) {
  CAPTURE(stream);
  const std::vector<HiredisReply> expected = readByHiredis(stream);
  const ScannedStream whole = scanSplitAt(stream, stream.size());
  REQUIRE_FALSE(whole.failed);
  REQUIRE(whole.replies.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(whole.replies[i].end == expected[i].end);
    const std::vector<int> types = hiredisTypes(whole.replies[i].type);
    REQUIRE(std::find(types.begin(), types.end(), expected[i].type) != types.end());
  }
  for (std::size_t at = 0; at < stream.size(); ++at) {
    CAPTURE(at);
    REQUIRE(scanSplitAt(stream, at) == whole);
  }
}

bool hiredisRefuses(std::string_view stream) {
  const std::unique_ptr<redisReader, FreeReader> reader(redisReaderCreate());
  REQUIRE(redisReaderFeed(reader.get(), stream.data(), stream.size()) == REDIS_OK);
  void* reply = nullptr;
  const int status = redisReaderGetReply(reader.get(), &reply);
  if (reply != nullptr) freeReplyObject(reply);
  return status != REDIS_OK;
}

}  // namespace

TEST_CASE("hiredis and the scanner agree on RESP2 replies at every split point") {
  checkAgainstHiredis(
      "+OK\r\n-ERR "
      "x\r\n:-12\r\n$-1\r\n$0\r\n\r\n$5\r\na\r\nbc\r\n*-1\r\n*0\r\n*2\r\n*1\r\n$1\r\nx\r\n:"
      "9223372036854775807\r\n"
      "*2\r\n*-1\r\n*2\r\n*0\r\n+\r\n:0\r\n");
  slotless::test::RandomResp random(2001);
  for (std::size_t round = 0; round < 500; ++round) {
    std::string stream;
    for (std::size_t n = 1 + random.below(4); n > 0; --n) stream += random.resp2Reply(5);
    if (stream.size() <= 800) checkAgainstHiredis(stream);
  }
}

TEST_CASE("hiredis and the scanner agree on beginnings of replies") {
  slotless::test::RandomResp random(2002);
  for (std::size_t round = 0; round < 300; ++round) {
    const std::string stream = random.resp2Reply(3) + random.resp2Reply(3);
    checkAgainstHiredis(stream.substr(0, random.below(std::min<std::size_t>(stream.size(), 300) + 1)));
  }
}

TEST_CASE("hiredis and the scanner refuse the same numbers") {
  const std::vector<std::string> numbers{"",
                                         "x",
                                         "-",
                                         "--1",
                                         "+1",
                                         "01",
                                         "-0",
                                         "-01",
                                         "1 ",
                                         " 1",
                                         "1x",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "99999999999999999999",
                                         "0x1",
                                         "1.0"};
  for (const char* type : {":", "$", "*"}) {
    for (const std::string& number : numbers) {
      const std::string stream = type + number + "\r\n";
      CAPTURE(stream);
      CHECK(hiredisRefuses(stream));
      CHECK(scanSplitAt(stream, 0).failed);
    }
  }
  for (const char* stream : {"$-2\r\n", "*-2\r\n", "x\r\n", "\r\n"}) {
    CAPTURE(stream);
    CHECK(hiredisRefuses(stream));
    CHECK(scanSplitAt(stream, 0).failed);
  }
}

#if HIREDIS_MAJOR >= 1
TEST_CASE("hiredis and the scanner agree on RESP3 replies at every split point") {
  checkAgainstHiredis(
      "_\r\n#t\r\n#f\r\n,1.5\r\n,inf\r\n(12345678901234567890\r\n=7\r\ntxt:abc\r\n%1\r\n+k\r\n~1\r\n:1\r\n~"
      "0\r\n%0\r\n"
      ">2\r\n+message\r\n*1\r\n_\r\n");
  slotless::test::RandomResp random(2003);
  for (std::size_t round = 0; round < 500; ++round) {
    std::string stream;
    for (std::size_t n = 1 + random.below(4); n > 0; --n) stream += random.hiredisReply(4);
    if (stream.size() <= 800) checkAgainstHiredis(stream);
  }
}
#endif
