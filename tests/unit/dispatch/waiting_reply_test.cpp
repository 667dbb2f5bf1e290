// A reply that waits for its turn.
#include "proxy/dispatch/waiting_reply.h"

#include <string>

#include "catch.h"

namespace slotless::session {
namespace {

std::string moved(WaitingReply& reply, net::BlockPool& pool) {
  net::ByteChain out(pool);
  out.append("before ");
  reply.moveTo(out);
  return out.toString();
}

}  // namespace

TEST_CASE("A waiting reply comes out as it went in, whatever its pieces are") {
  net::BlockPool pool;
  for (const std::size_t first : {1U, 5U, 62U, 63U, 64U, 5000U, 70000U}) {
    for (const std::size_t second : {0U, 1U, 58U, 63U, 3000U}) {
      WaitingReply reply(pool);
      CHECK(reply.empty());
      const std::string a(first, 'a');
      const std::string b(second, 'b');
      reply.append(a);
      reply.append(b);
      reply.append("c");
      INFO(first << " and " << second);
      CHECK(reply.size() == first + second + 1);
      CHECK(moved(reply, pool) == "before " + a + b + "c");
      CHECK(reply.empty());
      reply.append("+again\r\n");
      CHECK(moved(reply, pool) == "before +again\r\n");
    }
  }
}

TEST_CASE("A small waiting reply takes no block, and one that is cleared is empty") {
  net::BlockPool pool;
  WaitingReply reply(pool);
  reply.append("$2\r\nok\r\n");
  CHECK(pool.bytesInUse() == 0);
  reply.append(std::string(100, 'x'));
  CHECK(pool.bytesInUse() > 0);
  reply.clear();
  CHECK(reply.empty());
  CHECK(pool.bytesInUse() == 0);
  reply.append(":1\r\n");
  CHECK(pool.bytesInUse() == 0);
  CHECK(moved(reply, pool) == "before :1\r\n");
}

}  // namespace slotless::session
