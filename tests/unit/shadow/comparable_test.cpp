#include "protocol/comparable_reply.h"

#include <string>
#include <utility>
#include <vector>

#include "catch.h"

namespace slotless::protocol {
namespace {

CommandSpec specOf(const char* name, std::vector<std::string> tips = {}) {
  CommandSpec spec;
  spec.name = name;
  spec.tips = std::move(tips);
  return spec;
}

TEST_CASE("what goes by chance or the clock is told by tips, or by the table") {
  CHECK(tellsDataOnly(specOf("get")));
  CHECK_FALSE(tellsDataOnly(specOf("new.random", {"nondeterministic_output"})));
  CHECK_FALSE(tellsDataOnly(specOf("ttl")));
  CHECK(tellsDataOnly(specOf("smembers", {"nondeterministic_output_order"})));
}

TEST_CASE("an order that means nothing is told by tips, or by the table") {
  CHECK(replyOrderOf(specOf("lrange")) == ReplyOrder::Kept);
  CHECK(replyOrderOf(specOf("new.set", {"nondeterministic_output_order"})) == ReplyOrder::Any);
  CHECK(replyOrderOf(specOf("smembers")) == ReplyOrder::Any);
  CHECK(replyOrderOf(specOf("hgetall", {"nondeterministic_output_order"})) == ReplyOrder::AnyPair);
}

}  // namespace
}  // namespace slotless::protocol
