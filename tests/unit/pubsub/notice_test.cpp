#include "proxy/pubsub/notice.h"

#include "catch.h"

using namespace slotless::pubsub;

TEST_CASE("each kind of notice is recognised with its names") {
  const auto message = parseNotice("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nm\r\n");
  REQUIRE(message);
  CHECK(message->type == NoticeType::Message);
  CHECK(message->kind == TopicKind::Channel);
  CHECK(message->name == "ch");
  CHECK(message->channel == "ch");
  const auto pattern = parseNotice("*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$1\r\nm\r\n");
  REQUIRE(pattern);
  CHECK(pattern->kind == TopicKind::Pattern);
  CHECK(pattern->name == "c*");
  CHECK(pattern->channel == "ch");
  const std::string_view text = "*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$4\r\nc\r\nh\r\n$3\r\na\r\n\r\n";
  CHECK(payloadOf(parseNotice(text).value(), text) == "a\r\n");
  const auto subscribed = parseNotice("*3\r\n$10\r\nssubscribe\r\n$0\r\n\r\n:1\r\n");
  REQUIRE(subscribed);
  CHECK(subscribed->type == NoticeType::Subscribed);
  CHECK(subscribed->kind == TopicKind::Shard);
  CHECK(subscribed->name.empty());
  const auto unsubscribed = parseNotice("*3\r\n$12\r\npunsubscribe\r\n$3\r\na\r\n\r\n:0\r\n");
  REQUIRE(unsubscribed);
  CHECK(unsubscribed->type == NoticeType::Unsubscribed);
  CHECK(unsubscribed->name == "a\r\n");
}

TEST_CASE("anything else is no notice") {
  for (const std::string_view reply :
       {"", "+OK\r\n", "*-1\r\n", "*0\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n",
        "*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n",
        "*3\r\n$7\r\nmess", ":1\r\n"}) {
    INFO(reply);
    CHECK_FALSE(parseNotice(reply));
  }
}
